/** Atomics.waitAsync (ES2024), which the library's type declarations do not name yet. */
type WaitAsync = (
  words: Int32Array,
  index: number,
  value: number,
) => { readonly async: false; readonly value: string } | { readonly async: true; readonly value: Promise<string> };

const waitAsync = (Atomics as { waitAsync?: WaitAsync }).waitAsync;

/** Poll interval where Atomics.waitAsync is missing. */
const pollMs = 1;

/** Resolves when a word of shared memory no longer holds `value`; needs a notify by whoever changes it. Never blocks. */
export async function awaitChange(words: Int32Array, index: number, value: number): Promise<void> {
  while (Atomics.load(words, index) === value) {
    if (waitAsync) {
      const result = waitAsync(words, index, value);
      if (result.async) await result.value;
    } else {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}
