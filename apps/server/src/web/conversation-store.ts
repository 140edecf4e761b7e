import type { Conversation, Turn } from './conversation.js';

/** Where conversations are kept. Rejects with a DOMException: `QuotaExceededError` where there is no room. */
export interface ConversationStore {
  /** Whether what is kept outlives the page. */
  readonly isLasting: boolean;
  /** Newest first. */
  list(): Promise<Conversation[]>;
  get(id: string): Promise<Conversation | undefined>;
  turnsOf(id: string): Promise<Turn[]>;
  /** Ids of conversations with a turn whose text holds this, whatever the case. */
  search(text: string): Promise<Set<string>>;
  /** A new conversation with all its turns. */
  add(conversation: Conversation, turns: readonly Turn[]): Promise<void>;
  /**
   * Changes parts of a conversation and writes turns; others of its turns, which another tab may have written, stay.
   * @returns false if it is not there (any more): nothing is written then
   */
  update(id: string, changes: Partial<Conversation>, turns?: readonly Turn[]): Promise<boolean>;
  remove(id: string): Promise<void>;
}

export const newestFirst = (a: Conversation, b: Conversation): number => b.updatedAt - a.updatedAt;

export const holds = ({ text, reasoning = '' }: Turn, lowered: string): boolean =>
  text.toLowerCase().includes(lowered) || reasoning.toLowerCase().includes(lowered);

/** Keeps conversations as long as the page lives: for browsers that keep nothing. */
export class MemoryStore implements ConversationStore {
  readonly isLasting = false;
  readonly #conversations = new Map<string, Conversation>();
  readonly #turns = new Map<string, Turn>();

  list(): Promise<Conversation[]> {
    return Promise.resolve([...this.#conversations.values()].sort(newestFirst));
  }

  get(id: string): Promise<Conversation | undefined> {
    return Promise.resolve(this.#conversations.get(id));
  }

  turnsOf(id: string): Promise<Turn[]> {
    return Promise.resolve([...this.#turns.values()].filter(({ conversation }) => conversation === id));
  }

  search(text: string): Promise<Set<string>> {
    const lowered = text.toLowerCase();
    return Promise.resolve(
      new Set([...this.#turns.values()].filter((turn) => holds(turn, lowered)).map(({ conversation }) => conversation)),
    );
  }

  add(conversation: Conversation, turns: readonly Turn[]): Promise<void> {
    this.#conversations.set(conversation.id, conversation);
    for (const turn of turns) this.#turns.set(turn.id, turn);
    return Promise.resolve();
  }

  update(id: string, changes: Partial<Conversation>, turns: readonly Turn[] = []): Promise<boolean> {
    const known = this.#conversations.get(id);
    if (known === undefined) return Promise.resolve(false);
    this.#conversations.set(id, { ...known, ...changes });
    for (const turn of turns) this.#turns.set(turn.id, turn);
    return Promise.resolve(true);
  }

  remove(id: string): Promise<void> {
    this.#conversations.delete(id);
    for (const [key, { conversation }] of this.#turns) if (conversation === id) this.#turns.delete(key);
    return Promise.resolve();
  }
}
