import type { StateCheckpoint } from './ports.js';

/** What has children: a page, or the beginning of all sequences of one key. */
export interface Branch {
  /** In lexicographic order of their tokens. */
  readonly children: PageNode[];
  /** Digest of the key and of all tokens down to here; finds what was evicted, decides nothing else. */
  readonly digest: number;
}

export interface Root extends Branch {
  readonly key: string;
  /** The key and the page before: what the root is found by. */
  readonly name: string;
  /** The last of the pages before it that all tenants share; undefined: it begins with the first token. */
  readonly base: PageNode | undefined;
  readonly parent?: undefined;
}

/** Follows a path as its pages come and go. */
export interface PathAnchor {
  /** The last page of the path that is there. */
  node: PageNode | undefined;
  /** The pages of its path go when no other can. */
  readonly isPinned: boolean;
  /** The path lost its last page. */
  readonly onLoss: () => void;
}

/** A page of the cache: tokens `[depth * pageTokens, depth * pageTokens + tokens.length)` of every sequence that goes through it. */
export interface PageNode extends Branch {
  readonly parent: Root | PageNode;
  readonly depth: number;
  readonly tokens: Uint32Array;
  readonly page: number;
  /** That of windowed layers, where those have pages of their own and it is kept. */
  windowPage?: number;
  /** States of recurrent layers at positions `(depth * pageTokens, depth * pageTokens + tokens.length]`. */
  readonly states: StateCheckpoint[];
  /** Those whose path ends here. */
  readonly anchors: Set<PathAnchor>;
  /** Pinned anchors here and further on. */
  pins: number;
  /** The stored record that has it, too, or had it: the store may have thrown it away since. */
  record?: string;
  /** When it was last used, in uses of the tree. */
  lastUsed: number;
  hits: number;
}

/** The pages from the first one to this. */
export function pathTo(last: PageNode | undefined): PageNode[] {
  const path: PageNode[] = [];
  for (let node = last; node !== undefined; node = 'page' in node.parent ? node.parent : node.parent.base)
    path.push(node);
  return path.reverse();
}

/** Where the path of a page begins that is of one key. */
export function rootOf(node: PageNode): Root {
  let { parent } = node;
  while ('page' in parent) parent = parent.parent;
  return parent;
}
