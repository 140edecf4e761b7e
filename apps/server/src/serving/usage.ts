import { textOf, textStreamOf, type DonePart, type GeneratePart, type Generation } from '@starling/engine';
import type { Operation } from '../parts.js';

/** What a request has cost, as far as it is known. */
export class RequestUsage {
  /** The model that was asked last. */
  model: string | undefined;
  /** What it was asked for. */
  operation: Operation | undefined;
  promptTokens = 0;
  cachedTokens = 0;
  completionTokens = 0;

  /** The end of the last answer. */
  done: DonePart | undefined;

  get tokens(): number {
    return this.promptTokens + this.completionTokens;
  }

  /** Counts a prompt without an answer. */
  notePrompt(operation: Operation, model: string, tokens: number): void {
    this.operation = operation;
    this.model = model;
    this.promptTokens += tokens;
  }

  /** The same generation, counted as its parts are read; one that is left is counted as far as it was read. */
  counted(operation: Operation, model: string, generation: Generation, onDone?: (done: DonePart) => void): Generation {
    this.notePrompt(operation, model, generation.promptTokens.length);
    let read = 0;
    const note = (part: GeneratePart): void => {
      if (part.kind === 'token') {
        read++;
        this.completionTokens++;
      } else if (part.kind === 'done') {
        this.completionTokens += part.usage.completionTokens - read;
        this.cachedTokens += part.usage.cachedTokens;
        this.done = part;
        onDone?.(part);
      }
    };
    const parts = { [Symbol.asyncIterator]: () => observed(generation[Symbol.asyncIterator](), note) };
    return {
      id: generation.id,
      promptTokens: generation.promptTokens,
      promptText: generation.promptText,
      promptLogprobList: generation.promptLogprobList,
      cancel: () => generation.cancel(),
      async result(): Promise<DonePart> {
        const done = await generation.result();
        note(done);
        return done;
      },
      text: () => textOf(parts),
      textStream: () => textStreamOf(parts),
      ...parts,
    };
  }
}

/** The same parts, each shown once on its way. Leaving it leaves what it reads from. */
function observed(parts: AsyncIterator<GeneratePart>, see: (part: GeneratePart) => void): AsyncIterator<GeneratePart> {
  return {
    async next() {
      const result = await parts.next();
      if (result.done !== true) see(result.value);
      return result;
    },
    return: (value?: unknown) => parts.return?.(value) ?? Promise.resolve({ done: true, value: undefined }),
  };
}
