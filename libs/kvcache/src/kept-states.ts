import { assert } from '@starling/core';
import type { PageNode } from './page-node.js';
import type { StateCheckpoint } from './ports.js';
import type { PrefixTree } from './prefix-tree.js';

export interface KeptStatesOptions {
  /** Bytes of one state; 0 for models without recurrent layers. */
  readonly stateBytes: number;
  /** Bytes of all, at most; those that are shared come on top. */
  readonly limitBytes?: number;
}

const DEFAULT_STATES = 64;
const FEWEST_STATES = 4;
const DEFAULT_STATE_BYTES = 2 ** 28;

/**
 * States of recurrent layers, each with the page of its last token.
 *
 * Invariant: those that are not shared are within their limit, and each is known to the page that it belongs to.
 */
export class KeptStates {
  readonly stateBytes: number;
  readonly #limitBytes: number;
  /** Least recently used first. */
  readonly #owners = new Map<StateCheckpoint, PageNode>();
  /** Those that stay, with the pages that all tenants share. */
  readonly #shared = new Set<StateCheckpoint>();

  constructor({ stateBytes, limitBytes }: KeptStatesOptions) {
    this.stateBytes = stateBytes;
    this.#limitBytes =
      limitBytes ?? Math.max(FEWEST_STATES * stateBytes, Math.min(DEFAULT_STATES * stateBytes, DEFAULT_STATE_BYTES));
  }

  get size(): number {
    return this.#owners.size;
  }

  /** Keeps a state with the page of its last token; those that were not used for longest go for it. */
  keep(node: PageNode, state: StateCheckpoint): void {
    assert(
      state.bytes.length === this.stateBytes && state.position > 0,
      `a state has ${this.stateBytes} bytes and a position`,
    );
    const known = node.states.find(({ position }) => position === state.position);
    if (known && this.#shared.has(known)) return;
    if (known) this.#forget(known, node);
    node.states.push(state);
    this.#owners.set(state, node);
    for (const [oldest, owner] of this.#owners) {
      if (this.#ownBytes <= this.#limitBytes) break;
      if (!this.#shared.has(oldest)) this.#forget(oldest, owner);
    }
  }

  /** Has those of a path up to a position stay for good. */
  share(nodes: readonly PageNode[], length: number): void {
    for (const { states } of nodes) for (const state of states) if (state.position <= length) this.#shared.add(state);
  }

  /** The one furthest on, which is now the last to go; where prompts part within a page, it may belong to a page beside the path. */
  last(
    tree: PrefixTree,
    nodes: readonly PageNode[],
    tokens: ArrayLike<number>,
    matched: number,
  ): StateCheckpoint | undefined {
    if (this.stateBytes === 0) return undefined;
    for (let i = nodes.length - 1; i >= 0; i--) {
      let last: StateCheckpoint | undefined;
      for (const { node, end } of tree.alike(nodes[i], tokens, matched)) {
        for (const state of node.states)
          if (state.position <= end && state.position > (last?.position ?? 0)) last = state;
      }
      const owner = last && this.#owners.get(last);
      if (last === undefined || owner === undefined) continue;
      this.#owners.delete(last);
      this.#owners.set(last, owner);
      return last;
    }
    return undefined;
  }

  /** A page went. */
  drop({ states }: PageNode): void {
    for (const state of states) {
      this.#owners.delete(state);
      this.#shared.delete(state);
    }
  }

  /** A page went for one that begins like it. */
  move(from: PageNode, to: PageNode): void {
    for (const state of from.states.splice(0)) {
      to.states.push(state);
      this.#owners.set(state, to);
    }
  }

  /** @throws StarlingError internal with what is broken */
  checkIntegrity(pageTokens: number): void {
    assert(this.#ownBytes <= this.#limitBytes || this.stateBytes === 0, 'states are within their limit');
    for (const [state, node] of this.#owners) {
      const begin = node.depth * pageTokens;
      assert(
        node.states.includes(state) && state.position > begin && state.position <= begin + node.tokens.length,
        `a state at ${state.position} belongs to the page of its last token`,
      );
    }
    for (const state of this.#shared) assert(this.#owners.has(state), 'a state that is shared is kept');
  }

  /** Bytes of those that may be forgotten. */
  get #ownBytes(): number {
    return (this.#owners.size - this.#shared.size) * this.stateBytes;
  }

  #forget(state: StateCheckpoint, node: PageNode): void {
    this.#owners.delete(state);
    node.states.splice(node.states.indexOf(state), 1);
  }
}
