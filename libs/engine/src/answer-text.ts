import type { GeneratePart } from './generate-types.js';

/** The text of the first answer as it comes, whole characters at a time. Leaving the loop over it leaves the parts. */
export async function* textOf(parts: AsyncIterable<GeneratePart>): AsyncGenerator<string, void, undefined> {
  for await (const part of parts) if (isText(part)) yield part.text;
}

/** The same as a web stream; cancelling it leaves the parts. */
export function textStreamOf(parts: AsyncIterable<GeneratePart>): ReadableStream<string> {
  const reader = parts[Symbol.asyncIterator]();
  return new ReadableStream<string>(
    {
      async pull(controller) {
        let next = await reader.next();
        while (next.done !== true && !isText(next.value)) next = await reader.next();
        if (next.done === true) controller.close();
        else if (isText(next.value)) controller.enqueue(next.value.text);
      },
      cancel: async () => void (await reader.return?.()),
    },
    // Nothing is read before somebody asks for it.
    { highWaterMark: 0 },
  );
}

const isText = (part: GeneratePart): part is Extract<GeneratePart, { kind: 'token' }> =>
  part.kind === 'token' && part.sample === 0 && part.text !== '';
