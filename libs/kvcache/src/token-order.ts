/** What is looked for among others: a run of tokens. */
interface TokenRun {
  readonly tokens: Uint32Array;
}

export interface ClosestChild<Node> {
  readonly node: Node;
  /** Tokens at the beginning that both have. */
  readonly common: number;
}

/** The child with the longest common beginning with `tokens[from, to)`: a neighbour of the place where these would be inserted. */
export function closestChild<Node extends TokenRun>(
  children: readonly Node[],
  tokens: ArrayLike<number>,
  from: number,
  to: number,
): ClosestChild<Node> | undefined {
  const at = insertionPoint(children, tokens, from, to);
  let best: ClosestChild<Node> | undefined;
  for (const node of [children.at(at), at > 0 ? children[at - 1] : undefined]) {
    if (node === undefined) continue;
    const { common } = compareFrom(node.tokens, tokens, from, to);
    if (best === undefined || common > best.common) best = { node, common };
  }
  return best;
}

/** Index of the first child that is not less than `tokens[from, to)`. */
export function insertionPoint(
  children: readonly TokenRun[],
  tokens: ArrayLike<number>,
  from: number,
  to: number,
): number {
  let low = 0;
  let high = children.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareFrom(children[middle].tokens, tokens, from, to).order < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Compares a page's tokens with `tokens[from, to)`: the length of the common beginning, and which comes first (negative: the page). */
export function compareFrom(
  page: Uint32Array,
  tokens: ArrayLike<number>,
  from: number,
  to: number,
): { readonly common: number; readonly order: number } {
  const length = Math.min(page.length, to - from);
  let common = 0;
  while (common < length && page[common] === tokens[from + common]) common++;
  return { common, order: common < length ? page[common] - tokens[from + common] : page.length - (to - from) };
}

/** A digest of 52 bits that goes on from another. */
export function digestOf(before: number, values: ArrayLike<number>, from: number, to: number): number {
  let high = before % 2 ** 26;
  let low = Math.floor(before / 2 ** 26) ^ 0x2545f491;
  for (let i = from; i < to; i++) {
    high = Math.imul(high ^ values[i], 0x01000193);
    low = Math.imul(low ^ (values[i] + 0x7f4a7c15), 0x85ebca6b);
    low ^= low >>> 13;
  }
  return (high >>> 6) + (low >>> 6) * 2 ** 26;
}

/** A digest of the first `length` tokens, whole pages, one page after the other: finds what was stored after them, decides nothing else. */
export function prefixDigest(tokens: ArrayLike<number>, length: number, pageTokens: number): number {
  let digest = 0x51ed270b;
  for (let at = 0; at < length; at += pageTokens) digest = digestOf(digest, tokens, at, at + pageTokens);
  return digest;
}

/** How many tokens two runs have in common from position `from` on, at most up to `to`; gives the position of the first that differs. */
export function commonEnd(a: ArrayLike<number>, b: ArrayLike<number>, from: number, to: number): number {
  let at = from;
  while (at < to && a[at] === b[at]) at++;
  return at;
}
