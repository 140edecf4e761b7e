import { assert } from '@starling/core';
import { EvictionOrder } from './eviction-order.js';
import type { KeptWindows } from './kept-windows.js';
import type { KvSequence } from './kv-sequence.js';
import type { PageArena } from './page-arena.js';
import type { Branch, PageNode, PathAnchor, Root } from './page-node.js';
import { NO_PAGE } from './window-table.js';
import { closestChild, compareFrom, digestOf, insertionPoint, type ClosestChild } from './token-order.js';

/** The longest beginning of some tokens that the tree holds. */
export interface PrefixPath {
  /** From the first page on; of the last one, the first `matched % pageTokens` tokens (or all) are meant. */
  readonly nodes: readonly PageNode[];
  readonly matched: number;
  /** Why it is no longer: other tokens come next in the tree, what came next was evicted, or nothing is known there. */
  readonly end: 'diverged' | 'evicted' | 'unknown';
}

/** What a sequence can go on from. */
export interface UsablePath extends PrefixPath {
  /** Of the matched tokens so many: what the next one sees of windowed layers is there. */
  readonly length: number;
  /** Matched tokens of the path that goes furthest, be it of use or not. */
  readonly known: number;
}

/** Pages on either side of one that are looked at for states of the beginning that they share. */
const ALIKE_LIMIT = 64;
/** Evicted pages that are remembered as such, so that a miss can be explained. */
const REMEMBERED_EVICTIONS = 4096;

/**
 * Pages of computed tokens, by key and then by token: each node is one page, its children the pages that go on after it. Only the last page
 * of a path may be filled in part.
 *
 * A key that was shared is the beginning of others: what is kept under it is found by all of them, and of what begins so they have a root of
 * their own behind the last whole page of it.
 *
 * Invariant: the tree is one holder of each of its pages; children of a node are sorted, differ, and none is the beginning of another; a
 * page in use by a sequence has all its ancestors in use; each node has its place in the EvictionOrder.
 */
export class PrefixTree {
  readonly #arena: PageArena;
  readonly #roots = new Map<string, Root>();
  readonly #order: EvictionOrder;
  readonly #evicted = new Set<number>();
  readonly #sharedKeys = new Set<string>();
  readonly #windows: KeptWindows | undefined;
  readonly #onDrop: (node: PageNode) => void;
  readonly #onReplace: (from: PageNode, to: PageNode) => void;

  /**
   * @param onDrop told of each page that goes
   * @param onReplace told of a page that goes for one that begins like it and holds more
   * @param windows keeps pages of windowed layers beside, where those have pages of their own
   */
  constructor(
    arena: PageArena,
    onDrop: (node: PageNode) => void,
    onReplace: (from: PageNode, to: PageNode) => void,
    windows?: KeptWindows,
  ) {
    this.#arena = arena;
    this.#windows = windows;
    this.#order = new EvictionOrder(arena);
    this.#onDrop = onDrop;
    this.#onReplace = onReplace;
  }

  /** Pages in the tree. */
  get size(): number {
    return this.#order.size;
  }

  /** The longest beginning of `tokens[0, limit)` that is there. Every token is compared. */
  find(key: string, tokens: ArrayLike<number>, limit: number): PrefixPath {
    return this.#paths(key, tokens, limit)[0];
  }

  /**
   * The longest beginning of `tokens[0, limit)` that can be gone on from, be it of the key alone or of what it shares: where a page of the
   * key lost what windowed layers see, that of the shared one may be there.
   */
  usable(key: string, tokens: ArrayLike<number>, limit: number): UsablePath {
    const [furthest, other] = this.#paths(key, tokens, limit);
    const { matched: known } = furthest;
    const [length, otherLength] = [furthest, other].map(
      ({ nodes, matched }) => this.#windows?.reach(nodes, matched) ?? matched,
    );
    return otherLength > length ? { ...other, length: otherLength, known } : { ...furthest, length, known };
  }

  /** Has all keys that begin with this one find what is kept under it. */
  share(key: string): void {
    this.#sharedKeys.add(key);
  }

  /** Tokens of `tokens[0, limit)` in whole pages that a key shares with others. */
  sharedLength(key: string, tokens: ArrayLike<number>, limit: number): number {
    return this.#arena.pageTokens * this.#wholePages(this.#walk(this.#sharedRootOf(key), [], tokens, limit));
  }

  /** A page of a path, and those beside it that begin alike, each with the position up to which it holds `tokens[0, limit)`. */
  *alike(
    node: PageNode,
    tokens: ArrayLike<number>,
    limit: number,
  ): Generator<{ readonly node: PageNode; readonly end: number }> {
    const { parent } = node;
    const { children } = parent;
    const begin = node.depth * this.#arena.pageTokens;
    const at = children.indexOf(node);
    for (const step of [1, -1]) {
      for (
        let i = step > 0 ? at : at - 1, seen = 0;
        i >= 0 && i < children.length && seen < ALIKE_LIMIT;
        i += step, seen++
      ) {
        const { common } = compareFrom(children[i].tokens, tokens, begin, limit);
        if (common === 0) break;
        yield { node: children[i], end: begin + common };
      }
    }
    const shared = 'key' in parent ? (parent.base ?? this.#sharedRootOf(parent.key)) : undefined;
    for (const child of shared?.children ?? [])
      yield { node: child, end: begin + compareFrom(child.tokens, tokens, begin, limit).common };
  }

  /** Notes that a path was used: it is now the last to be evicted. */
  touch(nodes: readonly PageNode[]): void {
    this.#order.touch(nodes);
    this.#windows?.touch(nodes);
  }

  /** Has an anchor at the last page that is there of `tokens`, in place of where it was. */
  follow(anchor: PathAnchor, key: string, tokens: ArrayLike<number>): void {
    const { nodes } = this.find(key, tokens, tokens.length);
    const node = nodes.at(-1);
    if (anchor.node === node) return;
    this.unfollow(anchor);
    anchor.node = node;
    node?.anchors.add(anchor);
    if (anchor.isPinned) this.#order.pin(node, 1);
  }

  unfollow(anchor: PathAnchor): void {
    const { node } = anchor;
    anchor.node = undefined;
    if (node?.anchors.delete(anchor) === true && anchor.isPinned) this.#order.pin(node, -1);
  }

  /**
   * Keeps the first `length` tokens of a sequence: the tree becomes one more holder of pages that it has not and that nobody else holds, and
   * the sequence shares full ones that it has.
   * @returns the path of the last page that holds them
   */
  insert(key: string, tokens: Uint32Array, kv: KvSequence, length: number): PageNode[] {
    const { pageTokens } = this.#arena;
    const shared = this.#walk(this.#sharedRootOf(key), [], tokens, length);
    const path = shared.nodes.slice(0, this.#wholePages(shared));
    for (const node of path) {
      kv.share(node.depth, node.page);
      this.#keepWindow(node, kv, pageTokens);
    }
    const root = this.#root(key, path.at(-1));
    let branch: Root | PageNode = root;
    for (let start = path.length * pageTokens; start < length; start += pageTokens) {
      const end = Math.min(start + pageTokens, length);
      const depth = path.length;
      const found: ClosestChild<PageNode> | undefined = closestChild(branch.children, tokens, start, end);
      let node: PageNode | undefined = found?.node;
      if (node === undefined || found?.common !== end - start) {
        // A page that somebody else holds too is left out: what that one holds before it may be other pages than those of this path.
        if (this.#arena.holdersOf(kv.pages[depth]) > 1) break;
        node = this.#add(
          branch,
          tokens.slice(start, end),
          kv.pages[depth],
          node !== undefined && found?.common === node.tokens.length ? node : undefined,
        );
      } else if (end - start === pageTokens) kv.share(depth, node.page);
      this.#keepWindow(node, kv, end - start);
      path.push(node);
      branch = node;
    }
    this.touch(path);
    if (root.children.length === 0) this.#roots.delete(root.name);
    return path;
  }

  /** Gives back up to `pages` pages that only the tree holds; returns how many. */
  evict(pages: number): number {
    let freed = 0;
    for (; freed < pages; freed++) {
      const victim = this.#order.victim();
      if (victim === undefined) break;
      this.#evicted.add(victim.digest);
      for (const digest of this.#evicted) {
        if (this.#evicted.size <= REMEMBERED_EVICTIONS) break;
        this.#evicted.delete(digest);
      }
      this.#remove(victim);
    }
    return freed;
  }

  /** All pages, in the order in which they would go. */
  nodes(): Iterable<PageNode> {
    return this.#order.nodes();
  }

  /**
   * @param anchors all of them, to be counted
   * @throws StarlingError internal with what is broken
   */
  checkIntegrity(anchors?: Iterable<PathAnchor>): void {
    this.#order.checkIntegrity();
    let anchored = 0;
    let seen = 0;
    for (const root of this.#roots.values()) assert(root.children.length > 0, 'a key is kept as long as it has pages');
    // A path is as long as a prompt: too long to follow by calls.
    const branches: (Root | PageNode)[] = [...this.#roots.values()];
    while (branches.length > 0) {
      const branch: Root | PageNode = branches.pop()!;
      for (let i = 0; i < branch.children.length; i++) {
        const node = branch.children[i];
        seen++;
        assert(node.parent === branch && node.tokens.length > 0, 'a child knows its parent and holds tokens');
        assert(
          i === 0 ||
            compareFrom(branch.children[i - 1].tokens, node.tokens, 0, node.tokens.length).common <
              Math.min(branch.children[i - 1].tokens.length, node.tokens.length),
          'no child is the beginning of another',
        );
        assert(
          i === 0 || compareFrom(branch.children[i - 1].tokens, node.tokens, 0, node.tokens.length).order < 0,
          'children are sorted',
        );
        assert(
          node.tokens.length === this.#arena.pageTokens || node.children.length === 0,
          'only a full page is gone on from',
        );
        assert(
          this.#arena.holdersOf(node.page) > 0 && this.#arena.filledOf(node.page) >= node.tokens.length,
          `page ${node.page} of the tree holds its tokens`,
        );
        let pins = node.children.reduce((sum, child) => sum + child.pins, 0);
        for (const anchor of node.anchors) {
          assert(anchor.node === node, 'an anchor is where it says');
          if (anchor.isPinned) pins++;
        }
        anchored += node.anchors.size;
        assert(node.pins === pins, 'a page knows the pins on it');
        if ('page' in branch) {
          assert(
            this.#arena.holdersOf(node.page) === 1 || this.#arena.holdersOf(branch.page) > 1,
            'a page in use has its ancestors in use',
          );
        }
        branches.push(node);
      }
    }
    assert(
      anchors === undefined || anchored === [...anchors].filter(({ node }) => node !== undefined).length,
      'every anchor that has a page is known there',
    );
    assert(seen === this.size, 'every page of the tree has a time of use');
  }

  /** What a key has of some tokens, and what it shares with others: the one that goes further comes first. */
  #paths(key: string, tokens: ArrayLike<number>, limit: number): readonly [PrefixPath, PrefixPath] {
    const shared = this.#walk(this.#sharedRootOf(key), [], tokens, limit);
    const front = shared.nodes.slice(0, this.#wholePages(shared));
    const own = this.#walk(this.#roots.get(nameOf(key, front.at(-1))), front, tokens, limit);
    const [furthest, other] =
      own.matched > shared.matched || (own.matched === shared.matched && own.end !== 'unknown')
        ? [own, shared]
        : [shared, own];
    // Another's page may begin like the one that went: few prompts differ in their first token.
    const whole = furthest.nodes.slice(0, this.#wholePages(furthest));
    const wasEvicted = furthest.matched < limit && this.#wasEvicted(key, whole, front.at(-1), tokens, limit);
    return [wasEvicted ? { ...furthest, end: 'evicted' } : furthest, other];
  }

  /** Goes on from a branch, behind `front`. */
  #walk(branch: Branch | undefined, front: readonly PageNode[], tokens: ArrayLike<number>, limit: number): PrefixPath {
    const nodes = [...front];
    let matched = front.length * this.#arena.pageTokens;
    let end: PrefixPath['end'] = 'unknown';
    while (branch && matched < limit) {
      const found = closestChild(branch.children, tokens, matched, limit);
      if (found === undefined) break;
      if (found.common > 0) nodes.push(found.node);
      matched += found.common;
      if (found.common < found.node.tokens.length) {
        if (matched < limit) end = 'diverged';
        break;
      }
      branch = found.node;
    }
    return { nodes, matched, end };
  }

  #wholePages({ matched }: PrefixPath): number {
    return Math.floor(matched / this.#arena.pageTokens);
  }

  /** Where the shared pages of a key begin, if it has any. */
  #sharedRootOf(key: string): Root | undefined {
    for (const shared of this.#sharedKeys)
      if (key.length > shared.length && key.startsWith(shared)) return this.#roots.get(nameOf(shared, undefined));
    return undefined;
  }

  #root(key: string, base: PageNode | undefined): Root {
    const name = nameOf(key, base);
    const known = this.#roots.get(name);
    if (known) return known;
    const root: Root = { key, name, base, children: [], digest: rootDigest(name) };
    this.#roots.set(name, root);
    return root;
  }

  /** A new page after `branch`, in the place of `shorter` if that begins like it. */
  #add(branch: Root | PageNode, tokens: Uint32Array, page: number, shorter: PageNode | undefined): PageNode {
    const depth = 'page' in branch ? branch.depth + 1 : (branch.base?.depth ?? -1) + 1;
    const node: PageNode = {
      parent: branch,
      depth,
      tokens,
      page,
      children: [],
      states: [],
      anchors: new Set(),
      pins: 0,
      digest: digestOf(branch.digest, tokens, 0, tokens.length),
      lastUsed: this.#order.uses,
      hits: shorter?.hits ?? 0,
    };
    this.#arena.retain(page);
    this.#arena.setCached(page, true);
    branch.children.splice(insertionPoint(branch.children, tokens, 0, tokens.length), 0, node);
    this.#order.add(node);
    if (shorter) {
      this.#onReplace(shorter, node);
      for (const anchor of shorter.anchors) this.#moveAnchor(anchor, node);
      this.#remove(shorter);
    }
    return node;
  }

  /** Keeps a sequence's page of windowed layers with a node that has none; or has the sequence take that of the node for its own, so that memory holds it once. */
  #keepWindow(node: PageNode, { windows }: KvSequence, tokens: number): void {
    const own = windows?.pages[node.depth] ?? NO_PAGE;
    if (own === NO_PAGE || this.#windows === undefined || tokens < node.tokens.length) return;
    if (node.windowPage === undefined) {
      // One that is kept with a page beside this one, which begins alike, is kept once: no node would ever be alone with it.
      if (!this.#windows.windows.arena.isCached(own)) this.#windows.keep(node, own);
    } else if (tokens === this.#arena.pageTokens) windows?.replace(node.depth, node.windowPage);
  }

  #remove(node: PageNode): void {
    const { parent, page } = node;
    for (const anchor of node.anchors) {
      this.#moveAnchor(anchor, 'page' in parent ? parent : undefined);
      anchor.onLoss();
    }
    parent.children.splice(parent.children.indexOf(node), 1);
    this.#order.delete(node);
    this.#windows?.drop(node);
    this.#arena.setCached(page, false);
    this.#arena.release(page);
    this.#onDrop(node);
    if ('key' in parent && parent.children.length === 0) this.#roots.delete(parent.name);
  }

  #moveAnchor(anchor: PathAnchor, to: PageNode | undefined): void {
    if (anchor.isPinned) {
      this.#order.pin(anchor.node, -1);
      this.#order.pin(to, 1);
    }
    anchor.node?.anchors.delete(anchor);
    anchor.node = to;
    to?.anchors.add(anchor);
  }

  /** Whether the page that comes after `nodes` was there. */
  #wasEvicted(
    key: string,
    nodes: readonly PageNode[],
    base: PageNode | undefined,
    tokens: ArrayLike<number>,
    limit: number,
  ): boolean {
    const { pageTokens } = this.#arena;
    const from = nodes.length * pageTokens;
    if (this.#evicted.size === 0 || from + pageTokens > limit) return false;
    const last = nodes.at(-1);
    const before = last === undefined || last === base ? rootDigest(nameOf(key, base)) : last.digest;
    return this.#evicted.has(digestOf(before, tokens, from, from + pageTokens));
  }
}

/** No two keys and pages have the same name. */
const nameOf = (key: string, base: PageNode | undefined): string => `${base?.page ?? ''}:${key}`;

const rootDigest = (name: string): number =>
  digestOf(
    0x9e3779b9,
    Uint16Array.from(name, (unit) => unit.charCodeAt(0)),
    0,
    name.length,
  );
