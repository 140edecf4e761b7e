/** What a file is of which chunks are held. */
export interface JournalHead {
  readonly url: string;
  readonly size: number;
  readonly chunkBytes: number;
  /** A validator of the server's: the bytes are the same as long as it is. */
  readonly version?: string;
}

/** What is noted of a file: which chunks are held, each with its SHA-256 (hex), and that of the whole where it was verified. */
export interface ChunkJournal {
  readonly head: JournalHead;
  readonly digests: (string | undefined)[];
  readonly verified?: string;
}

/** Larger files are none that a browser loads. */
const MAX_SIZE = 2 ** 40;
const MAX_CHUNKS = 2 ** 18;
/** A journal that is longer was not written here: each chunk takes some 75 bytes, and is written anew where it was damaged. */
export const MAX_JOURNAL_BYTES = 2 ** 26;

/** The first line of a journal. */
export const headLine = (head: JournalHead): string => `${JSON.stringify({ format: 1, ...head })}\n`;
/** Says that a chunk is held. The line comes after the bytes: what it says holds however the page ends. */
export const chunkLine = (chunk: number, digest: string): string => `${chunk} ${digest}\n`;
/** Says that the whole was found to have a checksum. */
export const verifiedLine = (digest: string): string => `verified ${digest}\n`;

/** Reads a journal as far as it is whole: a page may have ended while a line was written. Undefined: it is none. */
export function parseJournal(text: string): ChunkJournal | undefined {
  const lines = text.split('\n');
  // What comes behind the last line's end was not written to its own.
  lines.pop();
  const head = parseHead(lines.shift() ?? '');
  if (!head) return undefined;
  const digests = new Array<string | undefined>(Math.ceil(head.size / head.chunkBytes)).fill(undefined);
  let verified: string | undefined;
  for (const line of lines) {
    const [, what, digest] = /^(verified|\d{1,6}) ([0-9a-f]{64})$/.exec(line) ?? [];
    if (digest === undefined) break;
    if (what === 'verified') verified = digest;
    else if (Number(what) < digests.length) digests[Number(what)] = digest;
    else break;
  }
  return { head, digests, verified };
}

function parseHead(line: string): JournalHead | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { format, url, size, chunkBytes, version } = value as Record<string, unknown>;
  const isCount = (number: unknown): number is number =>
    typeof number === 'number' && Number.isSafeInteger(number) && number > 0;
  if (
    format !== 1 ||
    typeof url !== 'string' ||
    !isCount(size) ||
    !isCount(chunkBytes) ||
    size > MAX_SIZE ||
    size / chunkBytes > MAX_CHUNKS
  )
    return undefined;
  if (version !== undefined && typeof version !== 'string') return undefined;
  return { url, size, chunkBytes, version };
}
