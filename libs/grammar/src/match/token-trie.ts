import { plainNodes } from './plain-nodes.js';
import type { TokenVocabulary } from './token-vocabulary.js';

/**
 * The bytes of all tokens as a tree, flattened in depth-first order. Node 0 is the root; the children of node `n` follow it, and its
 * subtree is `n` to `ends[n] - 1`. Tokens that end in node `n` are `ids[idStarts[n]]` to `ids[idStarts[n + 1] - 1]`.
 * Tokens without bytes, control tokens and those that end the output are not in it.
 */
export interface TokenTrie {
  /** (nodes) the byte that leads to a node; 0 for the root. */
  readonly bytes: Uint8Array;
  /** (nodes) number of bytes from the root. */
  readonly depths: Uint16Array;
  readonly ends: Int32Array;
  /** (nodes + 1) */
  readonly idStarts: Int32Array;
  readonly ids: Int32Array;
  /** (nodes) bytes of the longest way down from a node. */
  readonly heights: Uint16Array;
  /** (nodes) 1 if all bytes below a node are whole plain characters, given that a character begins there. */
  readonly plain: Uint8Array;
  /** Bytes of the longest token. */
  readonly maxDepth: number;
}

/** Tokens longer than this cannot be allowed by a grammar: the depth of a node has 16 bits. */
const MAX_TOKEN_BYTES = 0xffff;

/** Builds the tree of a vocabulary: once per model, a sort of all tokens. */
export function buildTokenTrie(vocabulary: TokenVocabulary): TokenTrie {
  const tokens: { readonly id: number; readonly bytes: Uint8Array }[] = [];
  for (let id = 0; id < vocabulary.size; id++) {
    if (vocabulary.isControl(id) || vocabulary.isEndOfGeneration(id)) continue;
    const bytes = vocabulary.bytesOf(id);
    if (bytes.length > 0 && bytes.length <= MAX_TOKEN_BYTES) tokens.push({ id, bytes });
  }
  tokens.sort((a, b) => compareBytes(a.bytes, b.bytes));

  const total = tokens.reduce((sum, { bytes }) => sum + bytes.length, 1);
  const bytes = new Uint8Array(total);
  const depths = new Uint16Array(total);
  const ends = new Int32Array(total);
  const idStarts = new Int32Array(total + 1);
  const path = [0];
  let nodes = 1;
  let previous: Uint8Array = new Uint8Array(0);
  const ids = Int32Array.from(tokens, ({ id }) => id);
  tokens.forEach((token, index) => {
    let shared = 0;
    while (shared < previous.length && shared < token.bytes.length && previous[shared] === token.bytes[shared])
      shared++;
    while (path.length > shared + 1) ends[path.pop()!] = nodes;
    for (let depth = shared; depth < token.bytes.length; depth++) {
      bytes[nodes] = token.bytes[depth];
      depths[nodes] = depth + 1;
      idStarts[nodes] = index;
      path.push(nodes++);
    }
    previous = token.bytes;
  });
  for (const open of path) ends[open] = nodes;
  idStarts.fill(tokens.length, nodes);
  const tree = {
    bytes: bytes.slice(0, nodes),
    depths: depths.slice(0, nodes),
    ends: ends.slice(0, nodes),
    idStarts: idStarts.slice(0, nodes + 1),
    ids,
  };
  return {
    ...tree,
    heights: heightsOf(tree),
    plain: plainNodes(tree),
    maxDepth: tokens.reduce((most, token) => Math.max(most, token.bytes.length), 0),
  };
}

function heightsOf({ depths, ends }: Pick<TokenTrie, 'depths' | 'ends'>): Uint16Array {
  const heights = new Uint16Array(depths.length);
  for (let node = depths.length - 1; node >= 0; node--) {
    for (let child = node + 1; child < ends[node]; child = ends[child])
      heights[node] = Math.max(heights[node], heights[child] + 1);
  }
  return heights;
}

/** The bytes on the way from a node to one below it. */
export function pathBytes(trie: TokenTrie, from: number, to: number): number[] {
  const bytes: number[] = [];
  for (let node = from; node < to; ) {
    let child = node + 1;
    while (trie.ends[child] <= to) child = trie.ends[child];
    bytes.push(trie.bytes[child]);
    node = child;
  }
  return bytes;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
