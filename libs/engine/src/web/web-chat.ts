import { StarlingError } from '@starling/core';
import type { ChatPart, ChatSample } from '../chat/answer-chat.js';
import type { DonePart } from '../generate-types.js';
import type { LogLimits } from '../part-log.js';
import { WebAnswer } from './web-answer.js';

/** As of a generation: tokens, and alternatives of tokens. */
const UNREAD_CHAT: LogLimits<ChatPart> = {
  weigh: (part) => (part.kind === 'deltas' ? 1 + (part.logprobs?.top.length ?? 0) : 1),
  high: 1024,
  low: 256,
};

/** A conversation's answer under way in the worker, read as a message: reasoning, content and calls of tools apart. */
export class WebChat extends WebAnswer<ChatPart> {
  /** @internal */
  constructor(cancel: () => void) {
    super(UNREAD_CHAT, cancel);
  }

  /** Reads all parts: each answer as a whole message, and what it took. */
  async result(): Promise<{ readonly samples: readonly ChatSample[]; readonly done: DonePart }> {
    const samples: ChatSample[] = [];
    for await (const part of this) {
      if (part.kind === 'sample') samples[part.sample] = part;
      else if (part.kind === 'done') return { samples, done: part.done };
    }
    throw new StarlingError('internal', 'an answer ended without a last part');
  }
}
