import type { LanguageModelV3Content, LanguageModelV3StreamPart, SharedV3Warning } from '@ai-sdk/provider';
import type { AnswerDelta } from '@starling/chat';
import { CallIds, type ChatAnswer, type ChatSample, type DonePart } from '@starling/engine';
import { finishOf, metadataOf, NO_USAGE, usageOf } from './usage.js';

/** How a stream is written. */
export interface StreamTerms {
  readonly warnings: SharedV3Warning[];
  readonly modelId: string;
  /** Tokens of a text of reasoning. */
  readonly countTokens: (text: string) => Promise<number>;
  /** An error as whoever called is told it. */
  readonly errorOf: (error: unknown) => unknown;
  /** Show the engine's own parts too. */
  readonly isRaw: boolean;
}

/**
 * The parts of an answer as the SDK has them: blocks of reasoning and text, calls as they are written, one `finish`. An answer that fails on its way
 * ends with `error` and a `finish` that says so.
 */
export async function* streamOf(
  answer: ChatAnswer,
  { warnings, modelId, countTokens, errorOf, isRaw }: StreamTerms,
): AsyncGenerator<LanguageModelV3StreamPart, void, undefined> {
  const blocks = new Blocks();
  let sample: ChatSample | undefined;
  yield { type: 'stream-start', warnings };
  yield { type: 'response-metadata', id: answer.generation.id, timestamp: new Date(), modelId };
  try {
    for await (const part of answer.parts()) {
      if (isRaw) yield { type: 'raw', rawValue: part };
      if (part.kind === 'deltas') for (const delta of part.deltas) yield* blocks.add(delta);
      else if (part.kind === 'sample') {
        sample = part;
        yield* blocks.end(part);
      } else if (part.kind === 'done' && sample !== undefined) yield await finishPart(sample, part.done, countTokens);
    }
  } catch (error) {
    yield { type: 'error', error: errorOf(error) };
    yield { type: 'finish', finishReason: { unified: 'error', raw: undefined }, usage: NO_USAGE };
  }
}

async function finishPart(
  sample: ChatSample,
  done: DonePart,
  countTokens: StreamTerms['countTokens'],
): Promise<LanguageModelV3StreamPart> {
  return {
    type: 'finish',
    finishReason: finishOf(sample),
    usage: usageOf(done, await reasoningTokensOf(sample, countTokens)),
    providerMetadata: metadataOf(sample, done),
  };
}

/** Tokens of an answer's reasoning. */
export async function reasoningTokensOf(
  { message: { reasoning_content: reasoning = '' } }: ChatSample,
  countTokens: StreamTerms['countTokens'],
): Promise<number> {
  return reasoning === '' ? 0 : countTokens(reasoning);
}

/** A whole answer as the SDK has it. A call that was cut is left out: nobody is to run it. */
export function contentOf(sample: ChatSample): LanguageModelV3Content[] {
  const { reasoning_content: reasoning, content, tool_calls: calls = [] } = sample.message;
  const ids = new CallIds();
  return [
    ...(reasoning ? [{ type: 'reasoning' as const, text: reasoning }] : []),
    ...(content ? [{ type: 'text' as const, text: content }] : []),
    ...calls.slice(0, wholeCalls(sample)).map((call, index) => ({
      type: 'tool-call' as const,
      toolCallId: ids.of(sample.result.sample, index, call.id),
      toolName: call.function.name,
      input: argumentsText(call.function.arguments),
    })),
  ];
}

/** Calls that were written to their end: only the last one can have been cut. */
const wholeCalls = ({ message, warnings }: ChatSample): number =>
  (message.tool_calls ?? []).length - (warnings.includes('tool_call_cut') ? 1 : 0);

const argumentsText = (given: string | Readonly<Record<string, unknown>>): string =>
  typeof given === 'string' ? given : JSON.stringify(given);

/** Opens and closes blocks while deltas come. */
class Blocks {
  readonly #ids = new CallIds();
  #count = 0;
  #open:
    | {
        readonly kind: 'reasoning' | 'text' | 'tool-input';
        readonly id: string;
        readonly index?: number;
        readonly name?: string;
      }
    | undefined;
  #input = '';

  *add(delta: AnswerDelta): Generator<LanguageModelV3StreamPart> {
    if (delta.kind === 'call') {
      yield* this.#close();
      const id = this.#ids.of(0, delta.index, delta.id);
      this.#open = { kind: 'tool-input', id, index: delta.index, name: delta.name };
      this.#input = '';
      yield { type: 'tool-input-start', id, toolName: delta.name };
    } else if (delta.kind === 'arguments') {
      this.#input += delta.text;
      yield { type: 'tool-input-delta', id: this.#ids.of(0, delta.index), delta: delta.text };
    } else {
      const kind = delta.kind === 'content' ? 'text' : 'reasoning';
      if (this.#open?.kind !== kind) {
        yield* this.#close();
        this.#open = { kind, id: `${kind}-${this.#count++}` };
        yield { type: `${kind}-start`, id: this.#open.id };
      }
      yield { type: `${kind}-delta`, id: this.#open.id, delta: delta.text };
    }
  }

  /** Closes what is open; a call that was cut stays so. */
  *end(sample: ChatSample): Generator<LanguageModelV3StreamPart> {
    if (this.#open?.kind === 'tool-input' && this.#open.index! >= wholeCalls(sample)) this.#open = undefined;
    yield* this.#close();
  }

  *#close(): Generator<LanguageModelV3StreamPart> {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    yield { type: `${open.kind}-end`, id: open.id };
    if (open.kind === 'tool-input')
      yield { type: 'tool-call', toolCallId: open.id, toolName: open.name!, input: this.#input };
  }
}
