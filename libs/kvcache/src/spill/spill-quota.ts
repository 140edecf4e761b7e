import { assert } from '@starling/core';
import { isPinnedRecord } from './session-records.js';
import type { SpilledEntry } from './spill-store.js';

/** What a record is worth: pages can be computed again, a session cannot; one that is pinned is to be kept above all. */
type Worth = 0 | 1 | 2;
const PAGES = 0;
const PINNED = 2;
/** Sessions have one part in so many of the limit, at most: the rest is for pages, whoever keeps how many sessions. */
const SESSION_PARTS = 2;

/** A record that is to be taken. */
export type IncomingRecord = Pick<SpilledEntry, 'owner' | 'label' | 'from' | 'length' | 'bytes'>;

interface Kept {
  readonly entry: SpilledEntry;
  readonly worth: Worth;
  /** When it was last used, in uses of the store. */
  used: number;
}

/** Records of one owner. */
interface Share {
  bytes: number;
  /** Those of its sessions. */
  sessionBytes: number;
  /** By worth, least recently used first: a map keeps the order in which keys were set. */
  readonly kept: readonly Map<string, Kept>[];
}

/**
 * Which records a store keeps within its limit. The limit is shared by owner: whoever has most gives up what it used longest ago, however
 * many keys it has, so that no tenant pushes out another's. Sessions have half of it at most, so that nobody's leave no room for pages.
 *
 * Totals are kept up to date: finding what goes takes a look at each owner, not at each record.
 *
 * Invariant: totals are the sums of what is kept.
 */
export class SpillQuota {
  readonly limitBytes: number;
  readonly #kept = new Map<string, Kept>();
  readonly #shares = new Map<string, Share>();
  #bytes = 0;
  #sessionBytes = 0;
  #uses = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(id: string): SpilledEntry | undefined {
    return this.#kept.get(id)?.entry;
  }

  /** Least recently used first. */
  entries(): SpilledEntry[] {
    return Array.from(this.#kept.values(), ({ entry }) => entry);
  }

  ids(): Iterable<string> {
    return this.#kept.keys();
  }

  /** Takes a record, as the one that was used last. */
  add(entry: SpilledEntry): void {
    this.delete(entry.id);
    const kept: Kept = { entry, worth: worthOf(entry), used: this.#uses++ };
    const share = this.#shares.get(entry.owner) ?? {
      bytes: 0,
      sessionBytes: 0,
      kept: [new Map(), new Map(), new Map()],
    };
    this.#count(share, kept, entry.bytes);
    share.kept[kept.worth].set(entry.id, kept);
    this.#shares.set(entry.owner, share);
    this.#kept.set(entry.id, kept);
  }

  delete(id: string): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    const { entry, worth } = kept;
    this.#kept.delete(id);
    const share = this.#shares.get(entry.owner);
    if (share === undefined) return;
    this.#count(share, kept, -entry.bytes);
    share.kept[worth].delete(id);
    if (share.kept.every(({ size }) => size === 0)) this.#shares.delete(entry.owner);
  }

  /** A record was used just now. */
  touch(id: string): void {
    const entry = this.get(id);
    if (entry) this.add(entry);
  }

  /**
   * What has to go before a record is taken, if that is right. Pages go first, then sessions that are not pinned, then pinned ones; of
   * these, the owner that has most gives up what it used longest ago. Pages never push out a session. A session pushes out what is worth
   * more only where others have more than its owner, and nobody who has less than an owner gives up anything for it. Where sessions have
   * their part, one takes the place of others by the same rules, whatever room there is.
   * @param incoming absent: the limit alone is to be met
   * @returns undefined if there is no room for the record: nothing should go
   */
  victims(incoming?: IncomingRecord): SpilledEntry[] | undefined {
    const bytes = incoming?.bytes ?? 0;
    const worth = incoming ? worthOf(incoming) : PINNED;
    const room = {
      excess: this.#bytes + bytes - this.limitBytes,
      levels: worth === PAGES ? LEVELS.slice(0, 1) : LEVELS,
    };
    const sessions = {
      excess: incoming && worth !== PAGES ? this.#sessionBytes + bytes - this.limitBytes / SESSION_PARTS : 0,
      levels: LEVELS.slice(1),
    };
    if (room.excess <= 0 && sessions.excess <= 0) return [];
    const queues = LEVELS.map((level) => this.#queuesOf(level));
    const gone: SpilledEntry[] = [];
    const give = (excess: number, levels: readonly Worth[], held: (share: Share) => number): boolean => {
      const own = incoming && held(this.#shares.get(incoming.owner) ?? NOTHING);
      const bytesOf = new Map(Array.from(this.#shares, ([owner, share]) => [owner, held(share)]));
      if (incoming) bytesOf.set(incoming.owner, (own ?? 0) + bytes);
      for (const level of levels) {
        while (excess > 0) {
          const owner = mostOf(queues[level], bytesOf, (name, most) =>
            own === undefined || name === incoming?.owner ? level <= worth : level <= worth ? most >= own : most > own,
          );
          if (owner === undefined) break;
          const { next, rest } = queues[level].get(owner) ?? {};
          if (next === undefined || rest === undefined) break;
          gone.push(next.entry);
          excess -= next.entry.bytes;
          bytesOf.set(owner, (bytesOf.get(owner) ?? 0) - next.entry.bytes);
          advance(queues[level], owner, rest);
        }
      }
      return excess <= 0;
    };
    if (!give(sessions.excess, sessions.levels, ({ sessionBytes }) => sessionBytes)) return undefined;
    const left = gone.reduce((excess, entry) => excess - entry.bytes, room.excess);
    return give(left, room.levels, (share) => share.bytes) ? gone : undefined;
  }

  /** @throws StarlingError internal with what is broken */
  checkIntegrity(): void {
    let [bytes, sessionBytes, count] = [0, 0, 0];
    for (const [owner, share] of this.#shares) {
      let [sum, ofSessions] = [0, 0];
      share.kept.forEach((level, worth) => {
        let last = -1;
        for (const [id, kept] of level) {
          assert(
            this.#kept.get(id) === kept && kept.worth === worth && kept.entry.owner === owner,
            'a record is kept once, with its owner and its worth',
          );
          assert(kept.used > last, 'records are in order of use');
          last = kept.used;
          sum += kept.entry.bytes;
          if (worth !== PAGES) ofSessions += kept.entry.bytes;
          count++;
        }
      });
      assert(
        sum === share.bytes && ofSessions === share.sessionBytes && share.kept.some(({ size }) => size > 0),
        'an owner has the bytes of its records',
      );
      bytes += sum;
      sessionBytes += ofSessions;
    }
    assert(
      bytes === this.#bytes && sessionBytes === this.#sessionBytes && count === this.#kept.size,
      'the store has the bytes of all owners',
    );
  }

  #count(share: Share, { worth }: Kept, bytes: number): void {
    share.bytes += bytes;
    this.#bytes += bytes;
    if (worth === PAGES) return;
    share.sessionBytes += bytes;
    this.#sessionBytes += bytes;
  }

  #queuesOf(level: Worth): Map<string, Queue> {
    const queues = new Map<string, Queue>();
    for (const [owner, { kept }] of this.#shares) advance(queues, owner, kept[level].values());
    return queues;
  }
}

const LEVELS: readonly Worth[] = [PAGES, 1, PINNED];
const NOTHING: Share = { bytes: 0, sessionBytes: 0, kept: [] };

/** What an owner would give up next, and after that. */
interface Queue {
  readonly next: Kept;
  readonly rest: Iterator<Kept>;
}

function advance(queues: Map<string, Queue>, owner: string, rest: Iterator<Kept>): void {
  const { value: next, done } = rest.next();
  if (done === true) queues.delete(owner);
  else queues.set(owner, { next, rest });
}

/** The owner that has most; of several, the one that used its next longest ago. */
function mostOf(
  queues: ReadonlyMap<string, Queue>,
  bytesOf: ReadonlyMap<string, number>,
  gives: (owner: string, bytes: number) => boolean,
): string | undefined {
  let best: string | undefined;
  let [most, used] = [-1, Infinity];
  for (const [owner, { next }] of queues) {
    const bytes = bytesOf.get(owner) ?? 0;
    if (bytes < most || (bytes === most && next.used > used) || !gives(owner, bytes)) continue;
    [best, most, used] = [owner, bytes, next.used];
  }
  return best;
}

function worthOf(record: Pick<SpilledEntry, 'label' | 'from' | 'length'>): Worth {
  if (record.label === '' || record.from < record.length) return PAGES;
  return isPinnedRecord(record) ? PINNED : 1;
}
