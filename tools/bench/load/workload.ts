import type { Message } from '../serving/chat-client.js';

/** What a client asks for, and how it behaves. */
export interface WorkItem {
  readonly messages: readonly Message[];
  readonly maxTokens: number;
  /** It goes away after so many tokens of the answer. */
  readonly leavesAfter?: number;
}

/** Kinds of work: questions and answers of a sentence, prompts of pages, turns of chats that go on, a mix of all, and a mix whose clients often leave. */
export const WORK_KINDS = ['short', 'long', 'chat', 'mixed', 'leaving'] as const;

export type WorkKind = (typeof WORK_KINDS)[number];

const SHORT_TOKENS = 32;
const LONG_CHARACTERS = 3000;
const TURNS = 6;

/** Makes requests one after another. The same seed makes the same. */
export class Workload {
  readonly #kind: WorkKind;
  #state: number;
  #count = 0;
  /** Chats that go on, each with its next turn. */
  readonly #chats: Message[][] = [];

  constructor(kind: WorkKind, seed = 1) {
    this.#kind = kind;
    this.#state = seed;
  }

  next(): WorkItem {
    const kind =
      this.#kind === 'mixed' || this.#kind === 'leaving'
        ? (['short', 'short', 'long', 'chat', 'chat'] as const)[this.#below(5)]
        : this.#kind;
    const item = kind === 'long' ? this.#long() : kind === 'chat' ? this.#turn() : this.#short();
    const leaves = this.#kind === 'leaving' && this.#below(2) === 0;
    return leaves ? { ...item, leavesAfter: this.#below(item.maxTokens) } : item;
  }

  #short(): WorkItem {
    return {
      messages: [
        { role: 'user', content: `question ${this.#count++}: what is ${this.#below(100)} + ${this.#below(100)}?` },
      ],
      maxTokens: SHORT_TOKENS,
    };
  }

  #long(): WorkItem {
    return {
      messages: [{ role: 'user', content: `text ${this.#count++} `.padEnd(LONG_CHARACTERS, 'abcdefgh ') }],
      maxTokens: SHORT_TOKENS,
    };
  }

  /** A turn of one of a few chats; its answers are made up, so that a turn does not wait for the one before. */
  #turn(): WorkItem {
    const at = this.#below(8);
    const chat = (this.#chats[at] ??= [{ role: 'system', content: `chat ${this.#count++}: you answer.` }]);
    chat.push({ role: 'user', content: `tell me more of ${this.#below(1000)}` });
    const messages = [...chat];
    chat.push({ role: 'assistant', content: `that is so because of ${this.#below(1000)}` });
    if (chat.length > 2 * TURNS) delete this.#chats[at];
    return { messages, maxTokens: SHORT_TOKENS };
  }

  /** A linear congruential generator (Numerical Recipes): the same work in every run. */
  #below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }
}
