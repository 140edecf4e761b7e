import type { KeptStates } from './kept-states.js';
import type { KeptWindows } from './kept-windows.js';
import { KvSequence } from './kv-sequence.js';
import type { PageArena } from './page-arena.js';
import type { PrefixTree } from './prefix-tree.js';

export interface SharedBeginningsParts {
  readonly arena: PageArena;
  readonly tree: PrefixTree;
  readonly states: KeptStates;
  readonly windows: KeptWindows | undefined;
}

/** The beginning of prompts of all tenants. */
interface SharedBeginning {
  readonly key: string;
  readonly tokens: Uint32Array;
  /** Holds its pages. */
  readonly kv: KvSequence;
}

/** Beginnings that prompts of all tenants have in common: held for good, with their states and with what windowed layers see from their ends. */
export class SharedBeginnings {
  readonly #parts: SharedBeginningsParts;
  readonly #held: SharedBeginning[] = [];
  #pageCount = 0;

  constructor(parts: SharedBeginningsParts) {
    this.#parts = parts;
  }

  /** Pages that are held: those of two that begin alike are counted once. */
  get pageCount(): number {
    return this.#pageCount;
  }

  /** Tokens of all. */
  get tokens(): number {
    return this.#held.reduce((sum, { kv }) => sum + kv.length, 0);
  }

  /** Has all keys that begin with `key` begin with what is kept of some tokens under it. @returns how many of the tokens there are */
  add(key: string, tokens: Uint32Array): number {
    const { arena, tree } = this.#parts;
    tree.share(key);
    this.#held.push({ key, tokens: tokens.slice(), kv: new KvSequence(arena) });
    // Of two that begin alike, the pages are those of the longer one. One after the other: each counts what those before it hold.
    for (const [i, { kv, ...beginning }] of this.#held.entries()) {
      kv.release();
      this.#held[i] = { ...beginning, kv: this.#hold(beginning) };
    }
    this.#pageCount = new Set(this.tables().flatMap((pages) => [...pages])).size;
    return this.#held[this.#held.length - 1].kv.length;
  }

  /** Page tables of what is held. */
  tables(): Int32Array[] {
    return this.#held.map(({ kv }) => kv.pages);
  }

  /** Those of windowed layers, where these have pages of their own. */
  windowTables(): Int32Array[] {
    return this.#held.flatMap(({ kv }) => (kv.windows ? [kv.windows.pages] : []));
  }

  #hold({ key, tokens }: Pick<SharedBeginning, 'key' | 'tokens'>): KvSequence {
    const { arena, tree, states, windows } = this.#parts;
    const { nodes, matched } = tree.find(key, tokens, tokens.length);
    states.share(nodes, matched);
    return KvSequence.over(
      arena,
      nodes.map(({ page }) => page),
      matched,
      windows?.hold(nodes, matched, this.windowTables()),
    );
  }
}
