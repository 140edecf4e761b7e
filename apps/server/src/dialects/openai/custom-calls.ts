import type { AnswerDelta } from '@starling/chat';
import { InputReader } from './input-reader.js';

/** A piece of an answer that may call custom tools: their input is a text. */
export type OutputDelta =
  | AnswerDelta
  | { readonly kind: 'custom'; readonly index: number; readonly name: string; readonly id?: string }
  | { readonly kind: 'input'; readonly index: number; readonly text: string };

/** Tells calls of custom tools from those of functions, and their inputs from the arguments that the model writes them as. */
export class CustomCalls {
  readonly #names: ReadonlySet<string>;
  /** Of each answer, by the number of the call. */
  readonly #readers = new Map<number, Map<number, InputReader>>();

  constructor(names: ReadonlySet<string>) {
    this.#names = names;
  }

  /** What a piece of an answer says; nothing where more must come first. */
  read(delta: AnswerDelta, sample = 0): OutputDelta[] {
    if (delta.kind === 'call' && this.#names.has(delta.name)) {
      const readers = this.#readers.get(sample) ?? new Map<number, InputReader>();
      this.#readers.set(sample, readers.set(delta.index, new InputReader()));
      return [{ ...delta, kind: 'custom' }];
    }
    const reader = delta.kind === 'arguments' ? this.#readers.get(sample)?.get(delta.index) : undefined;
    if (reader === undefined || delta.kind !== 'arguments') return [delta];
    return inputOf(delta.index, reader.push(delta.text));
  }

  /** What is left when an answer has ended. */
  end(sample = 0): OutputDelta[] {
    return [...(this.#readers.get(sample) ?? [])].flatMap(([index, reader]) => inputOf(index, reader.end()));
  }

  /** The input of a whole call; undefined: it is one of a function. */
  inputOf({
    name,
    arguments: values,
  }: {
    readonly name: string;
    readonly arguments: string | object;
  }): string | undefined {
    if (!this.#names.has(name)) return undefined;
    const reader = new InputReader();
    return reader.push(typeof values === 'string' ? values : JSON.stringify(values)) + reader.end();
  }
}

const inputOf = (index: number, text: string): OutputDelta[] => (text === '' ? [] : [{ kind: 'input', index, text }]);
