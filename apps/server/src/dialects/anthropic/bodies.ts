import type { AnswerDelta } from '@starling/chat';
import { CallIds, type ChatSample, type DonePart } from '@starling/engine';
import { begunJson } from './begun-json.js';

/** What stays the same over one answer. */
export interface MessageHead {
  readonly id: string;
  readonly model: string;
  /** The client does not want to see what the model thought, only that it did. */
  readonly omitsThinking: boolean;
}

/** Words of the API for why an answer ended. */
function stopReasonOf({ finishReason, result }: ChatSample): string {
  if (finishReason === 'tool_calls') return 'tool_use';
  if (result.stopSequence !== undefined) return 'stop_sequence';
  if (finishReason === 'length' || finishReason === 'deadline')
    return result.stopReason.kind === 'context_end' ? 'model_context_window_exceeded' : 'max_tokens';
  return 'end_turn';
}

/** Figures of an answer. What was read from the cache is told apart: all input is the sum of three. */
export function usageOf(
  { usage: { promptTokens, cachedTokens, completionTokens } }: DonePart,
  thinkingTokens: number,
): object {
  return {
    input_tokens: promptTokens - cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
    output_tokens: completionTokens,
    output_tokens_details: { thinking_tokens: Math.min(thinkingTokens, completionTokens) },
  };
}

/** How a message ended: what the last event but one of a stream carries. */
export const endOf = (sample: ChatSample) => ({
  stop_reason: stopReasonOf(sample),
  stop_sequence: sample.result.stopSequence ?? null,
});

/** The message before its content: what the first event carries. What tells nothing is left out: some clients refuse a null where others demand one. */
export function emptyMessage({ id, model }: MessageHead, inputTokens: number): object {
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: inputTokens, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 0 },
  };
}

/** A whole message, its content made of the same deltas as a stream's. */
export function messageBody(
  head: MessageHead,
  deltas: readonly AnswerDelta[],
  sample: ChatSample,
  done: DonePart,
): object {
  const blocks: Record<string, unknown>[] = [];
  const writer = new BlockWriter(head);
  for (const event of [...deltas.flatMap((delta) => writer.write(delta)), ...writer.end(sample)])
    applyTo(blocks, event);
  return { ...emptyMessage(head, 0), content: blocks, ...endOf(sample), usage: usageOf(done, sample.reasoningTokens) };
}

/** An event about one block of content. */
export type BlockEvent =
  | {
      readonly type: 'content_block_start';
      readonly index: number;
      readonly content_block: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'content_block_delta'; readonly index: number; readonly delta: Readonly<Record<string, string>> }
  | { readonly type: 'content_block_stop'; readonly index: number };

/** Turns deltas into blocks, one after another: each begins with zero values and ends before the next begins. */
export class BlockWriter {
  #index = -1;
  #open: string | undefined;
  #hasInput = false;
  readonly #omitsThinking: boolean;
  readonly #callIds = new CallIds('toolu_');

  constructor({ omitsThinking }: Pick<MessageHead, 'omitsThinking'>) {
    this.#omitsThinking = omitsThinking;
  }

  write(delta: AnswerDelta): BlockEvent[] {
    switch (delta.kind) {
      case 'reasoning': {
        const events = this.#begin('thinking', () => ({ type: 'thinking', thinking: '', signature: '' }));
        return this.#omitsThinking
          ? events
          : [...events, this.#delta({ type: 'thinking_delta', thinking: delta.text })];
      }
      case 'content': {
        // What keeps it apart from what was said before a call is for messages that are one text.
        const text = this.#open?.startsWith('call') ? delta.text.trimStart() : delta.text;
        return [...this.#begin('text', () => ({ type: 'text', text: '' })), this.#delta({ type: 'text_delta', text })];
      }
      case 'call': {
        const events = this.#begin(`call ${delta.index}`, () => ({
          type: 'tool_use',
          id: this.#callIds.of(0, delta.index, delta.id),
          name: delta.name,
          input: {},
        }));
        // Only now: the call before ends by what it had.
        this.#hasInput = false;
        return events;
      }
      case 'arguments':
        this.#hasInput = true;
        return [this.#delta({ type: 'input_json_delta', partial_json: delta.text })];
    }
  }

  /** Ends the last block. A call that was cut has no arguments but those that came. */
  end({ warnings }: Pick<ChatSample, 'warnings'>): BlockEvent[] {
    return this.#end(warnings.includes('tool_call_cut'));
  }

  #end(isCut: boolean): BlockEvent[] {
    if (this.#open === undefined) return [];
    const last: BlockEvent[] = [];
    // A signature comes just before the end of thinking; ours says nothing, since nobody asks for it back.
    if (this.#open === 'thinking') last.push(this.#delta({ type: 'signature_delta', signature: '' }));
    if (this.#open.startsWith('call') && !this.#hasInput && !isCut)
      last.push(this.#delta({ type: 'input_json_delta', partial_json: '{}' }));
    this.#open = undefined;
    return [...last, { type: 'content_block_stop', index: this.#index }];
  }

  #begin(kind: string, block: () => Record<string, unknown>): BlockEvent[] {
    if (this.#open === kind) return [];
    const events = this.#end(false);
    this.#open = kind;
    this.#index++;
    return [...events, { type: 'content_block_start', index: this.#index, content_block: block() }];
  }

  #delta(delta: Record<string, string>): BlockEvent {
    return { type: 'content_block_delta', index: this.#index, delta };
  }
}

/** What a client does with an event. */
function applyTo(blocks: Record<string, unknown>[], event: BlockEvent): void {
  if (event.type === 'content_block_start') {
    blocks.push({ ...event.content_block });
    return;
  }
  const block = blocks[event.index];
  if (event.type === 'content_block_stop') {
    if (typeof block.input === 'string') block.input = parsed(block.input);
    return;
  }
  const { delta } = event;
  if (delta.type === 'text_delta') block.text = String(block.text) + delta.text;
  else if (delta.type === 'thinking_delta') block.thinking = String(block.thinking) + delta.thinking;
  else if (delta.type === 'input_json_delta')
    block.input = (typeof block.input === 'string' ? block.input : '') + delta.partial_json;
}

/** Arguments of a call; of one that was cut, those that came to their end. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return begunJson(text) ?? {};
  }
}
