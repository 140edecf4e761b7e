import type { Conversation, Turn } from './conversation.js';
import { holds, MemoryStore, newestFirst, type ConversationStore } from './conversation-store.js';

const DATABASE = 'starling';
const VERSION = 1;

/**
 * The store of the browser, or one in memory where it has none (private windows of some).
 *
 * A turn is a record of its own, with an index by conversation: two tabs that go on with the same conversation write branches beside each other,
 * and neither overwrites the other's.
 */
export async function openStore(): Promise<ConversationStore> {
  try {
    return new IndexedStore(await openDatabase());
  } catch {
    return new MemoryStore();
  }
}

function openDatabase(): Promise<IDBDatabase> {
  const opening = indexedDB.open(DATABASE, VERSION);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore('conversations', { keyPath: 'id' });
    opening.result.createObjectStore('turns', { keyPath: 'id' }).createIndex('conversation', 'conversation');
  };
  return resultOf(opening);
}

class IndexedStore implements ConversationStore {
  readonly isLasting = true;
  readonly #database: IDBDatabase;

  constructor(database: IDBDatabase) {
    this.#database = database;
    // A newer page in another tab wants to change the database: it may.
    database.onversionchange = () => database.close();
  }

  async list(): Promise<Conversation[]> {
    const all = await resultOf<Conversation[]>(this.#read('conversations').getAll());
    return all.sort(newestFirst);
  }

  get(id: string): Promise<Conversation | undefined> {
    return resultOf<Conversation | undefined>(this.#read('conversations').get(id));
  }

  turnsOf(id: string): Promise<Turn[]> {
    return resultOf<Turn[]>(this.#read('turns').index('conversation').getAll(id));
  }

  search(text: string): Promise<Set<string>> {
    const lowered = text.toLowerCase();
    const found = new Set<string>();
    return new Promise((resolve, reject) => {
      const cursor = this.#read('turns').openCursor();
      cursor.onerror = () => reject(cursor.error as DOMException);
      cursor.onsuccess = () => {
        const { result } = cursor;
        if (result === null) return resolve(found);
        const turn = result.value as Turn;
        if (!found.has(turn.conversation) && holds(turn, lowered)) found.add(turn.conversation);
        result.continue();
      };
    });
  }

  async add(conversation: Conversation, turns: readonly Turn[]): Promise<void> {
    const writing = this.#database.transaction(['conversations', 'turns'], 'readwrite');
    writing.objectStore('conversations').put(conversation);
    for (const turn of turns) writing.objectStore('turns').put(turn);
    await endOf(writing);
  }

  async update(id: string, changes: Partial<Conversation>, turns: readonly Turn[] = []): Promise<boolean> {
    const writing = this.#database.transaction(['conversations', 'turns'], 'readwrite');
    const known = await resultOf<Conversation | undefined>(writing.objectStore('conversations').get(id));
    if (known === undefined) return false;
    writing.objectStore('conversations').put({ ...known, ...changes });
    for (const turn of turns) writing.objectStore('turns').put(turn);
    await endOf(writing);
    return true;
  }

  async remove(id: string): Promise<void> {
    const writing = this.#database.transaction(['conversations', 'turns'], 'readwrite');
    writing.objectStore('conversations').delete(id);
    const turns = writing.objectStore('turns');
    for (const key of await resultOf(turns.index('conversation').getAllKeys(id))) turns.delete(key);
    await endOf(writing);
  }

  #read(store: 'conversations' | 'turns'): IDBObjectStore {
    return this.#database.transaction(store).objectStore(store);
  }
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error as DOMException);
  });
}

function endOf(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error as DOMException);
  });
}
