import { KvSequence } from '../kv-sequence.js';
import type { PageArena } from '../page-arena.js';
import type { PageNode } from '../page-node.js';
import type { PageBytes, StateCheckpoint } from '../ports.js';
import type { PrefixTree } from '../prefix-tree.js';
import type { WindowPages } from '../window-pages.js';
import { NO_PAGE, WindowTable } from '../window-table.js';
import type { SpillRecord } from './spill-store.js';

/** What pages are copied out of, and into. */
export interface TransferParts {
  readonly arena: PageArena;
  readonly windows?: WindowPages;
  readonly tree: PrefixTree;
  readonly pages: PageBytes;
  /** Makes cached pages free that nobody uses. */
  readonly evict: (pages: number) => void;
  /** As `evict`, of windowed layers. */
  readonly evictWindows: (pages: number) => void;
  readonly keepState: (key: string, tokens: Uint32Array, state: StateCheckpoint) => void;
}

/** Bytes of a page in a record: those of the page, and where windowed layers have pages of their own, whether that page is there (0 or 1), and its bytes. */
export function storedPageBytes({ pageBytes, windowPageBytes = 0 }: PageBytes): number {
  return pageBytes + (windowPageBytes > 0 ? 1 + windowPageBytes : 0);
}

/** A path's table of windowed layers: all that are kept. */
const windowsOf = (windows: WindowPages | undefined, path: readonly PageNode[]): WindowTable | undefined =>
  windows &&
  WindowTable.over(
    windows,
    path.map(({ windowPage = NO_PAGE }) => windowPage),
  );

/** Bytes that are copied between two steps, at most. */
const BATCH_BYTES = 2 ** 22;

/**
 * Runs `copy` for each of `count` pages: some at a time, so that those fall between the same two steps and no step waits for many. Where one
 * fails, it waits for the others of its batch: whoever takes their pages next must not find them being written.
 */
async function inBatches(count: number, pageBytes: number, copy: (index: number) => Promise<void>): Promise<void> {
  const batch = Math.max(1, Math.floor(BATCH_BYTES / Math.max(1, pageBytes)));
  for (let begin = 0; begin < count; begin += batch) {
    const results = await Promise.allSettled(
      Array.from({ length: Math.min(batch, count - begin) }, (_, i) => copy(begin + i)),
    );
    const failed = results.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }
}

/**
 * The bytes of the pages of a path from the one at `first` on; a few are copied at a time, between steps. They stay where they are until then.
 * @param length tokens of the whole path
 */
export async function readPages(
  { arena, windows, pages }: Pick<TransferParts, 'arena' | 'windows' | 'pages'>,
  path: readonly PageNode[],
  length: number,
  first: number,
): Promise<Uint8Array[]> {
  const lease = KvSequence.over(
    arena,
    path.map(({ page }) => page),
    length,
    windowsOf(windows, path),
  );
  try {
    const { pageBytes } = pages;
    const read = path.slice(first).map(() => new Uint8Array(storedPageBytes(pages)));
    await inBatches(read.length, storedPageBytes(pages), async (i) => {
      await pages.readPage(lease.pages[first + i], read[i].subarray(0, pageBytes));
      const windowPage = lease.windows?.pages[first + i] ?? NO_PAGE;
      if (windowPage === NO_PAGE) return;
      read[i][pageBytes] = 1;
      await pages.readPage(arena.pageCount + windowPage, read[i].subarray(pageBytes + 1));
    });
    return read;
  } finally {
    lease.release();
  }
}

/**
 * Puts the pages of a record, which has been checked, behind those that are there of its beginning. All of it is there afterwards, or nothing.
 * @param tokens the first so many of the record's
 * @returns false if there is no room, or what comes before them is gone
 */
export async function attachRecord(
  { arena, windows, tree, pages, evict, evictWindows, keepState }: TransferParts,
  key: string,
  tokens: Uint32Array,
  record: SpillRecord,
  isWanted: () => boolean = () => true,
): Promise<boolean> {
  const { pageTokens } = arena;
  const { nodes, length } = tree.usable(key, tokens, tokens.length);
  const start = length - (length % pageTokens);
  if (start < record.from) return false;
  const before = nodes.slice(0, start / pageTokens);
  const kv = KvSequence.over(
    arena,
    before.map(({ page }) => page),
    start,
    windowsOf(windows, before),
  );
  try {
    const missing = tokens.length - start;
    const wanted = kv.pagesToReserve(missing);
    if (wanted > arena.freePages + arena.evictablePages) return false;
    // Of windowed layers what is seen from the end is enough.
    const windowsFrom = Math.max(start, (windows?.firstSeen(tokens.length) ?? 0) * pageTokens);
    const wantedWindows = kv.windowPagesToReserve(missing, windowsFrom);
    if (windows && wantedWindows > windows.arena.freePages + windows.arena.evictablePages) return false;
    evict(wanted - arena.freePages);
    if (windows) evictWindows(wantedWindows - windows.arena.freePages);
    kv.reserve(missing, windowsFrom);
    const first = (start - record.from) / pageTokens;
    const targets = [...kv.pages.subarray(start / pageTokens)];
    await inBatches(targets.length, storedPageBytes(pages), async (i) => {
      if (!isWanted()) return;
      const stored = record.pages[first + i];
      await pages.writePage(targets[i], stored.subarray(0, pages.pageBytes));
      const at = start / pageTokens + i;
      const windowPage = kv.windows?.pages[at] ?? NO_PAGE;
      if (windowPage === NO_PAGE) return;
      if (stored[pages.pageBytes] === 1)
        await pages.writePage(arena.pageCount + windowPage, stored.subarray(pages.pageBytes + 1));
      else kv.windows?.replace(at, NO_PAGE);
    });
    if (!isWanted()) return false;
    kv.commit(missing);
    tree.insert(key, tokens, kv, tokens.length);
    for (const { position, bytes } of record.states)
      if (position <= tokens.length) keepState(key, tokens, { position, bytes });
    return true;
  } finally {
    kv.release();
  }
}

/** Whether a record's pages and states have the sizes of these. */
export function fits(
  { pageTokens, pages, states }: SpillRecord,
  { arena, pages: bytes }: Pick<TransferParts, 'arena' | 'pages'>,
  stateBytes: number,
): boolean {
  return (
    pageTokens === arena.pageTokens &&
    pages.every(({ length }) => length === storedPageBytes(bytes)) &&
    states.every(({ bytes }) => bytes.length === stateBytes && stateBytes > 0)
  );
}
