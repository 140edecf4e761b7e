import { StarlingError, assert, steadyTime } from '@starling/core';
import type { PathAnchor } from './page-node.js';
import {
  checkedIdleMs,
  checkedPosition,
  inUse,
  isOwnName,
  nameTaken,
  newSession,
  unknownSession,
  type Session,
  type SessionBeginning,
  type SessionChange,
  type SessionEntry,
} from './session.js';
import { SessionShelf, type SessionPlaces } from './session-shelf.js';
import type { SessionRecords, StoredSession } from './spill/session-records.js';
import { fatesOf } from './spill/stored-fates.js';

/** Where sessions are kept that outlive the process. */
export interface SessionStorage {
  readonly records: SessionRecords;
  /** What `acquire` would be given for a stored session; undefined: nobody can go on from it any more. */
  readonly keyOf: (tenant: string, stored: StoredSession) => string | undefined;
  /** A stored session is there again, with what its owner kept with it. */
  readonly onAdopted: (session: Session, memo: string) => void;
}

export interface SessionTableOptions {
  /** Sessions of one tenant, at most. Default 64. */
  readonly limit?: number;
  /** Milliseconds without use after which a session closes, where it says nothing else, up to `MAX_IDLE_MS`. Default an hour. */
  readonly idleMs?: number;
  /** Milliseconds since 1970. Default: as of the process's beginning, whatever becomes of the system's clock. */
  readonly now?: () => number;
  /** A session lost pages that it had, for the first time since it was used. */
  readonly onEvicted?: (session: Session) => void;
  readonly storage?: SessionStorage;
}

/** What the table needs of the cache: to keep an eye on the pages of a session. */
export interface SessionPages {
  /** Has an anchor at the last page that is there of these tokens. */
  follow(anchor: PathAnchor, key: string, tokens: Uint32Array): void;
  unfollow(anchor: PathAnchor): void;
}

const DEFAULT_LIMIT = 64;
const DEFAULT_IDLE_MS = 3_600_000;
/** Sessions made unasked have places of their own: for so many sessions that may be held, one. */
const PROVISIONAL_PART = 4;

/**
 * Sessions by tenant and name. A session of another tenant does not exist.
 *
 * Invariant: a tenant has at most `limit` sessions, and a quarter as many that were made unasked; no session that is not busy is past its
 * time when it is looked up; the one that was used longest ago comes first.
 */
export class SessionTable {
  readonly limit: number;
  readonly #idleMs: number;
  readonly #pages: SessionPages;
  readonly #onEvicted: SessionTableOptions['onEvicted'];
  readonly #storage: SessionStorage | undefined;
  readonly #shelf: SessionShelf;
  readonly #places: SessionPlaces;
  #evicted = 0;

  constructor(
    pages: SessionPages,
    { limit = DEFAULT_LIMIT, idleMs = DEFAULT_IDLE_MS, now = steadyTime, onEvicted, storage }: SessionTableOptions = {},
  ) {
    this.limit = limit;
    this.#places = { named: limit, provisional: Math.max(1, Math.floor(limit / PROVISIONAL_PART)) };
    this.#idleMs = checkedIdleMs(idleMs, 'invalid_argument');
    this.#shelf = new SessionShelf(now);
    this.#pages = pages;
    this.#onEvicted = onEvicted;
    this.#storage = storage;
    if (storage) storage.records.onMoved = (session) => this.#disown(session as SessionEntry);
  }

  /**
   * Has a session for this process alone, as another one may have left it, until it is let go as often as it was held: where storage is shared.
   * @returns false where it is not
   * @throws StarlingError conflict if a request of another process goes on from it
   */
  async hold(tenant: string, id: string): Promise<boolean> {
    return (await this.#storage?.records.hold(tenant, id)) ?? false;
  }

  /** Lets others have a session that was held, once what was changed of it is stored. */
  letGo(tenant: string, id: string): void {
    this.#storage?.records.letGo(tenant, id);
  }

  /** Lets a session go that was held with the end of the request that goes on from it. */
  letGoAfter(session: Session): void {
    this.#own(session).isHeld = true;
  }

  #free(entry: SessionEntry): void {
    if (entry.isHeld) this.letGo(entry.tenant, entry.id);
    entry.isHeld = false;
  }

  /** Sessions of all tenants, stored ones that nobody asked for yet included. */
  get size(): number {
    this.#sweep();
    return this.#shelf.size + (this.#storage?.records.unclaimed ?? 0);
  }

  /** Whether a session would be there again after the process ended now. */
  isSaved(session: Session): boolean {
    return this.#storage?.records.isSaved(session) ?? false;
  }

  /** Stores all sessions, and waits for it. */
  async save(): Promise<void> {
    await this.#storage?.records.flush([...this.#shelf.all()]);
    this.#storage?.records.close();
  }

  /** How often a session lost pages to others. */
  get evicted(): number {
    return this.#evicted;
  }

  /** The sessions of a tenant, the one that was used longest ago first. */
  list(tenant: string): Session[] {
    return [...(this.#sessionsOf(tenant)?.values() ?? [])];
  }

  find(tenant: string, id: string): Session | undefined {
    return this.#sessionsOf(tenant)?.get(id);
  }

  /** @throws StarlingError not_found */
  get(tenant: string, id: string): Session {
    return this.#entry(tenant, id);
  }

  /**
   * Takes a session for one request, which ends with `settle` or `abandon`. An unknown name begins a new session, but for one that the
   * table made itself: whoever sends such an id believes that there is something to go on from.
   * @param id absent: a new session with an id of its own
   * @throws StarlingError not_found, conflict if it is busy or belongs to another key, rate_limited if there are too many, invalid_request for a name that is none
   */
  acquire(
    tenant: string,
    id: string | undefined,
    {
      cacheKey,
      salt,
      isProvisional = false,
    }: Pick<Session, 'cacheKey'> & Partial<Pick<Session, 'salt' | 'isProvisional'>>,
  ): Session {
    const sessions = this.#sessionsOf(tenant);
    const known = id === undefined ? undefined : sessions?.get(id);
    if (known === undefined && id !== undefined && isOwnName(id)) throw unknownSession(id);
    const entry = known ?? this.#add({ tenant, id, cacheKey, salt, isProvisional });
    if (entry.cacheKey !== cacheKey)
      throw new StarlingError(
        'conflict',
        `session ${entry.id} was begun with another salt: send the one that it was begun with, or begin another session`,
        { details: { param: 'sessionId' } },
      );
    this.checkIdle(entry);
    if (known) this.#promote(entry);
    entry.isBusy = true;
    this.#shelf.touch(entry);
    return entry;
  }

  /** The request has ended: these are all tokens of the session now. */
  settle(session: Session, tokens: Uint32Array): void {
    const entry = this.#own(session);
    entry.isBusy = false;
    entry.tokens = tokens;
    if (!entry.isClosed) this.#changed(entry);
    this.#free(entry);
  }

  /** The request came to nothing: the session is what it was; one that was begun for it is gone. */
  abandon(session: Session): void {
    const entry = this.#own(session);
    entry.isBusy = false;
    if (entry.tokens.length === 0 && !entry.isClosed) this.#remove(entry);
    this.#free(entry);
  }

  /**
   * A second session with the first `position` tokens of one; pages are shared.
   * @param as its name; absent: an id of its own
   * @throws StarlingError not_found, conflict if the name is taken, rate_limited, invalid_request for a position beyond the end
   */
  fork(
    tenant: string,
    id: string,
    { as, position }: { readonly as?: string; readonly position?: number } = {},
  ): Session {
    const from = this.#entry(tenant, id);
    const length = checkedPosition(from, position);
    if (as !== undefined && this.#shelf.of(tenant)?.has(as) === true) throw nameTaken(as, 'newSessionId');
    this.#promote(from);
    this.#shelf.touch(from);
    const fork = this.#add({ tenant, id: as, cacheKey: from.cacheKey, salt: from.salt, isProvisional: false });
    fork.idleMs = from.idleMs;
    fork.tokens = from.tokens.subarray(0, length);
    this.#changed(fork);
    return fork;
  }

  /**
   * A session with tokens that were computed elsewhere; it is busy until it is settled with them.
   * @throws StarlingError conflict if the name is taken, rate_limited, invalid_request for a name that is none
   */
  open(beginning: SessionBeginning, tokens: Uint32Array): Session {
    const { tenant, id } = beginning;
    if (id !== undefined && this.#sessionsOf(tenant)?.has(id) === true) throw nameTaken(id, 'sessionId');
    const entry = this.#add(beginning);
    Object.assign(entry, { tokens, isBusy: true });
    return entry;
  }

  /** Forgets the tokens from `position` on. @throws StarlingError not_found, conflict if it is busy, invalid_request for a position beyond the end */
  rewind(tenant: string, id: string, position: number): Session {
    const entry = this.#entry(tenant, id);
    this.checkIdle(entry);
    this.#promote(entry);
    entry.tokens = entry.tokens.subarray(0, checkedPosition(entry, position));
    this.#changed(entry);
    return entry;
  }

  /** @throws StarlingError not_found, invalid_request for a time that is none */
  update(tenant: string, id: string, { isPinned, idleMs }: SessionChange): Session {
    const entry = this.#entry(tenant, id);
    if (idleMs !== undefined) checkedIdleMs(idleMs);
    this.#promote(entry);
    entry.idleMs = idleMs ?? entry.idleMs;
    if (isPinned !== undefined && isPinned !== entry.isPinned) {
      this.#pages.unfollow(entry);
      entry.isPinned = isPinned;
      this.#follow(entry);
    }
    this.#shelf.touch(entry);
    this.#note(entry);
    return entry;
  }

  /** Forgets a session. What a request that goes on from it computes is its own. @throws StarlingError not_found */
  close(tenant: string, id: string): void {
    this.#remove(this.#entry(tenant, id));
  }

  /** @throws StarlingError conflict */
  checkIdle({ id, isBusy }: Session): void {
    if (isBusy) throw inUse(id);
  }

  /** Those of all sessions. */
  anchors(): Iterable<PathAnchor> {
    return this.#shelf.all();
  }

  /** @throws StarlingError internal with what is broken */
  checkIntegrity(): void {
    this.#shelf.checkIntegrity(this.#places);
  }

  /** @throws StarlingError rate_limited, invalid_request */
  #add(beginning: SessionBeginning): SessionEntry {
    this.#makeRoom(beginning.tenant, beginning.isProvisional);
    const entry: SessionEntry = newSession(beginning, this.#idleMs, this.#shelf.time(), () => {
      this.#evicted++;
      this.#onEvicted?.(entry);
    });
    this.#shelf.add(entry);
    return entry;
  }

  /** The sessions of a tenant, stored ones included. */
  #sessionsOf(tenant: string): ReadonlyMap<string, SessionEntry> | undefined {
    this.#sweep();
    const claimed = this.#storage?.records.claim(tenant) ?? [];
    if (claimed.length > 0) this.#takeUp(tenant, claimed, this.#storage!);
    return this.#shelf.of(tenant);
  }

  /** Takes up stored sessions, also in the place of what is held of them: then another process went on from them. */
  #takeUp(tenant: string, claimed: readonly StoredSession[], { records, keyOf, onAdopted }: SessionStorage): void {
    const held = this.#shelf.of(tenant);
    const { taken, later, others, forgotten } = fatesOf(claimed, {
      held,
      limits: this.#places,
      keyOf: (stored) => keyOf(tenant, stored),
      isShared: records.isShared,
      now: this.#shelf.time(),
    });
    for (const stored of forgotten) records.adopted(stored, undefined);
    for (const stored of others) records.leave(tenant, stored, false);
    for (const stored of later) records.leave(tenant, stored, true);
    for (const before of taken.map(({ stored }) => held?.get(stored.id))) if (before) this.#disown(before);
    for (const { stored, cacheKey } of taken) {
      const { tokens, isPinned, idleMs, createdAt, usedAt } = stored;
      const entry = this.#add({
        tenant,
        id: stored.id,
        cacheKey,
        salt: stored.salt,
        isProvisional: stored.isProvisional,
      });
      Object.assign(entry, { tokens, isPinned, idleMs, createdAt });
      this.#shelf.setUse(entry, usedAt);
      records.adopted(stored, entry);
      onAdopted?.(entry, stored.memo);
      this.#follow(entry);
    }
    this.#shelf.reorder(tenant);
  }

  /** Has a change stored. What was made unasked waits for the end. */
  #note(entry: SessionEntry): void {
    if (!entry.isProvisional) this.#storage?.records.changed(entry);
  }

  /** Closes the one of its kind that was used longest ago, if the tenant has all that it may. */
  #makeRoom(tenant: string, isProvisional: boolean): void {
    const sessions = [...(this.#shelf.of(tenant)?.values() ?? [])].filter((one) => one.isProvisional === isProvisional);
    if (sessions.length < (isProvisional ? this.#places.provisional : this.#places.named)) return;
    // Whoever made no session does not miss it, busy or not.
    const victim = isProvisional ? sessions[0] : sessions.find(({ isBusy, isPinned }) => !isBusy && !isPinned);
    if (victim === undefined) {
      throw new StarlingError(
        'rate_limited',
        `${sessions.length} sessions are held, at most ${this.limit} may be, and all are pinned or in use: close one`,
        { details: { reason: 'session-limit', limit: this.limit } },
      );
    }
    this.#remove(victim);
  }

  /** Somebody knows of it now. @throws StarlingError rate_limited */
  #promote(entry: SessionEntry): void {
    if (!entry.isProvisional) return;
    this.#makeRoom(entry.tenant, false);
    entry.isProvisional = false;
  }

  #entry(tenant: string, id: string): SessionEntry {
    const entry = this.#sessionsOf(tenant)?.get(id);
    if (entry === undefined) throw unknownSession(id);
    return entry;
  }

  /** It has other tokens than it had. */
  #changed(entry: SessionEntry): void {
    this.#shelf.touch(entry);
    this.#follow(entry);
    this.#note(entry);
  }

  #follow(entry: SessionEntry): void {
    entry.hasLost = false;
    this.#pages.follow(entry, entry.cacheKey, entry.tokens);
  }

  #remove(entry: SessionEntry): void {
    this.#takeOut(entry);
    this.#storage?.records.closed(entry);
  }

  /** Forgets a session that another process has now, unless a request here goes on from it. */
  #disown(entry: SessionEntry): void {
    if (entry.isBusy || entry.isClosed) return;
    this.#takeOut(entry);
    this.#storage?.records.disowned(entry);
  }

  #takeOut(entry: SessionEntry): void {
    this.#shelf.remove(entry);
    entry.isClosed = true;
    this.#pages.unfollow(entry);
  }

  /** Closes what is past its time. */
  #sweep(): void {
    for (const entry of this.#shelf.expired()) this.#remove(entry);
  }

  #own(session: Session): SessionEntry {
    const entry = session as SessionEntry;
    assert(entry.isBusy, 'a session is given back once, by whoever took it');
    return entry;
  }
}
