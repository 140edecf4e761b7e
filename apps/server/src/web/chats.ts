import { leafBelow, newId, oldestFirst, titleOf, type Conversation, type Turn } from './conversation.js';
import type { ChatSettings } from './chat-settings.js';
import type { ConversationStore } from './conversation-store.js';
import type { WholeConversation } from './conversation-file.js';

/** What another tab has done. */
interface News {
  readonly kind: 'changed' | 'removed';
  readonly id: string;
}

export interface ChatsListener {
  /** The list is another one. */
  listed(list: readonly Conversation[]): void;
  /** The open conversation, or its turns, have changed in another tab or are others now. */
  opened(): void;
  /** It was deleted, here or in another tab. */
  closed(isElsewhere: boolean): void;
  /** Whether a turn is an answer that comes in here. */
  isComing(turn: string): boolean;
  /** What was said could not be kept. */
  notKept(isFull: boolean): void;
}

/**
 * The conversations, and the one that is open. What changes is shown at once and kept beside; other tabs are told.
 */
export class Chats {
  readonly #store: ConversationStore;
  readonly #listener: ChatsListener;
  readonly #channel = new BroadcastChannel('starling');
  #list: readonly Conversation[] = [];
  #open: Conversation | undefined;
  #turns = new Map<string, Turn>();
  /** Conversations that could not be kept, with what this page knows of them. */
  readonly #loose = new Map<string, WholeConversation>();

  constructor(store: ConversationStore, listener: ChatsListener) {
    this.#store = store;
    this.#listener = listener;
    this.#channel.onmessage = ({ data }: MessageEvent<News>) => void this.#hear(data);
  }

  get list(): readonly Conversation[] {
    return this.#list;
  }

  get isLasting(): boolean {
    return this.#store.isLasting;
  }

  get open(): Conversation | undefined {
    return this.#open;
  }

  get turns(): ReadonlyMap<string, Turn> {
    return this.#turns;
  }

  async refresh(): Promise<void> {
    const kept = await this.#store.list();
    const loose = [...this.#loose.values()]
      .map(({ conversation }) => conversation)
      .filter(({ id }) => !kept.some((other) => other.id === id));
    this.#list = [...loose, ...kept];
    this.#listener.listed(this.#list);
  }

  /** Opens a conversation; false if there is none of this id. */
  async openChat(id: string): Promise<boolean> {
    const loose = this.#loose.get(id);
    const conversation = loose?.conversation ?? (await this.#store.get(id));
    if (conversation === undefined) return false;
    const turns = loose?.turns ?? (await this.#store.turnsOf(id));
    this.#open = conversation;
    this.#turns = new Map(turns.map((turn) => [turn.id, turn]));
    this.#listener.opened();
    return true;
  }

  /** Shows none: the next message begins one. */
  openNone(): void {
    this.#open = undefined;
    this.#turns = new Map();
    this.#listener.opened();
  }

  /** Begins a conversation with its first turn. */
  async begin(text: string, settings: ChatSettings): Promise<Turn> {
    const now = Date.now();
    const id = newId();
    const turn: Turn = { id: newId(), conversation: id, role: 'user', text, at: now };
    this.#open = { id, title: titleOf(text), createdAt: now, updatedAt: now, leaf: turn.id, settings };
    this.#turns = new Map([[turn.id, turn]]);
    this.#listener.opened();
    await this.add([{ conversation: this.#open, turns: [turn] }]);
    return turn;
  }

  /** Writes a turn; the open conversation goes on from it if it is one of that. */
  async put(turn: Turn, { isLeaf = true } = {}): Promise<void> {
    const isOpen = this.#open?.id === turn.conversation;
    const changes: Partial<Conversation> = isLeaf ? { leaf: turn.id, updatedAt: turn.at } : {};
    if (isOpen) {
      this.#turns.set(turn.id, turn);
      this.#open = { ...this.#open!, ...changes };
    }
    await this.#update(turn.conversation, changes, [turn]);
  }

  /** Changes what is known of a conversation: its title, its settings, the branch that is shown. */
  async change(id: string, changes: Partial<Conversation>): Promise<void> {
    if (this.#open?.id === id) this.#open = { ...this.#open, ...changes };
    await this.#update(id, changes, []);
    await this.refresh();
  }

  /** A conversation with all its turns. */
  async whole(id: string): Promise<WholeConversation | undefined> {
    const loose = this.#loose.get(id);
    if (loose) return loose;
    const conversation = await this.#store.get(id);
    return conversation && { conversation, turns: (await this.#store.turnsOf(id)).sort(oldestFirst) };
  }

  /** Deletes a conversation. */
  async remove(id: string): Promise<void> {
    this.#loose.delete(id);
    await this.#store.remove(id);
    this.#channel.postMessage({ kind: 'removed', id } satisfies News);
    if (this.#open?.id === id) this.#close(false);
    await this.refresh();
  }

  /** Adds whole conversations: new, imported, or brought back. */
  async add(all: readonly WholeConversation[]): Promise<void> {
    for (const whole of all) {
      try {
        await this.#store.add(whole.conversation, whole.turns);
        this.#channel.postMessage({ kind: 'changed', id: whole.conversation.id } satisfies News);
      } catch (error) {
        this.#loose.set(whole.conversation.id, whole);
        this.#listener.notKept(isQuota(error));
      }
    }
    await this.refresh();
  }

  search(text: string): Promise<Set<string>> {
    return this.#store.search(text);
  }

  async #update(id: string, changes: Partial<Conversation>, turns: readonly Turn[]): Promise<void> {
    const loose = this.#loose.get(id);
    if (loose) {
      const written = new Set(turns.map((turn) => turn.id));
      this.#loose.set(id, {
        conversation: { ...loose.conversation, ...changes },
        turns: [...loose.turns.filter((turn) => !written.has(turn.id)), ...turns],
      });
      return;
    }
    try {
      if (await this.#store.update(id, changes, turns))
        this.#channel.postMessage({ kind: 'changed', id } satisfies News);
      // Deleted in another tab, maybe while an answer came: it stays deleted.
      else if (this.#open?.id === id) this.#close(true);
    } catch (error) {
      if (this.#open?.id === id) this.#loose.set(id, { conversation: this.#open, turns: [...this.#turns.values()] });
      this.#listener.notKept(isQuota(error));
    }
  }

  #close(isElsewhere: boolean): void {
    this.openNone();
    this.#listener.closed(isElsewhere);
  }

  async #hear({ kind, id }: News): Promise<void> {
    if (kind === 'removed' && this.#open?.id === id) this.#close(true);
    if (kind === 'changed' && this.#open?.id === id) {
      const [conversation, turns] = [await this.#store.get(id), await this.#store.turnsOf(id)];
      if (this.#open?.id !== id || conversation === undefined) return;
      // What comes in here is newer here.
      for (const turn of turns) if (!this.#listener.isComing(turn.id)) this.#turns.set(turn.id, turn);
      this.#open = { ...conversation, leaf: this.#open.leaf && leafBelow(this.#turns, this.#open.leaf) };
      this.#listener.opened();
    }
    await this.refresh();
  }
}

const isQuota = (error: unknown): boolean => error instanceof DOMException && error.name === 'QuotaExceededError';
