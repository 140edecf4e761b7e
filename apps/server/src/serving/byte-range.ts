/** Bytes of a file, from the first to the last, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * What a `Range` header asks for of so many bytes: a range; `whole` where there is none, or one in a unit that is not known; `refused` for what the
 * file has not, for what is malformed, and for several ranges.
 */
export function byteRange(header: string | undefined, size: number): ByteRange | 'whole' | 'refused' {
  if (header === undefined || !/^\s*bytes\s*=/i.test(header)) return 'whole';
  const [, from = '', to = ''] = /^\s*bytes\s*=\s*(\d*)-(\d*)\s*$/i.exec(header) ?? [];
  if (from === '') return to === '' ? 'refused' : within(size - Number(to), size - 1, size);
  return within(Number(from), to === '' ? size - 1 : Number(to), size);
}

function within(first: number, last: number, size: number): ByteRange | 'refused' {
  return first < size && last >= first ? { first: Math.max(0, first), last: Math.min(last, size - 1) } : 'refused';
}
