/** Kinds of places in UTF-8: between two characters, or with some bytes of one to come. A bit each. */
const BETWEEN = 1;
const ONE_MORE = 2;
const TWO_MORE = 4;
const THREE_MORE = 8;
const AFTER_E0 = 16;
const AFTER_ED = 32;
const AFTER_F0 = 64;
const AFTER_F4 = 128;

interface Tree {
  readonly bytes: Uint8Array;
  readonly ends: Int32Array;
  readonly idStarts: Int32Array;
}

/** (nodes) 1 for each node below which there are only whole plain characters, given that a character begins there. */
export function plainNodes({ bytes, ends, idStarts }: Tree): Uint8Array {
  // (nodes) the kinds of places that a node may be so that all below it is whole and plain.
  const kinds = new Uint8Array(bytes.length);
  for (let node = bytes.length - 1; node >= 0; node--) {
    // A token that ends here must not cut a character.
    let fitting = idStarts[node] < idStarts[node + 1] ? BETWEEN : 0xff;
    for (let child = node + 1; child < ends[node]; child = ends[child])
      fitting &= kindsBefore(bytes[child], kinds[child]);
    kinds[node] = fitting;
  }
  return kinds.map((fitting) => fitting & BETWEEN);
}

/** The kinds of places from which a byte leads to one of the given kinds. */
function kindsBefore(byte: number, after: number): number {
  if (byte < 0x80) return byte >= 0x20 && byte !== 0x22 && byte !== 0x5c && after & BETWEEN ? BETWEEN : 0;
  if (byte >= 0xc0) return after & kindAfterFirst(byte) ? BETWEEN : 0;
  let before = 0;
  if (after & BETWEEN) before |= ONE_MORE;
  if (after & ONE_MORE) before |= TWO_MORE | (byte >= 0xa0 ? AFTER_E0 : AFTER_ED);
  if (after & TWO_MORE) before |= THREE_MORE | (byte >= 0x90 ? AFTER_F0 : AFTER_F4);
  return before;
}

/** What the first byte of a longer character leads to; 0 if it cannot be one. */
function kindAfterFirst(byte: number): number {
  if (byte < 0xc2 || byte > 0xf4) return 0;
  if (byte < 0xe0) return ONE_MORE;
  if (byte === 0xe0) return AFTER_E0;
  if (byte === 0xed) return AFTER_ED;
  if (byte < 0xf0) return TWO_MORE;
  return byte === 0xf0 ? AFTER_F0 : byte === 0xf4 ? AFTER_F4 : THREE_MORE;
}
