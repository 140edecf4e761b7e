import { ownerScopeOf } from '../cache-key.js';
import { inUse, type Session } from '../session.js';
import { PATIENCE_MS, waitFor } from './patience.js';
import { hexOf } from './hex-of.js';
import type { SessionHold } from './shared-store.js';
import type { SpillRecord, SpillStore, SpilledEntry } from './spill-store.js';

/** What is kept of a session where it outlives the process. */
export interface StoredSession {
  readonly id: string;
  readonly tokens: Uint32Array;
  readonly salt: string | undefined;
  readonly isPinned: boolean;
  readonly isProvisional: boolean;
  readonly idleMs: number;
  readonly createdAt: number;
  readonly usedAt: number;
  /** What its owner wants to be kept with it. */
  readonly memo: string;
}

export interface SessionRecordsOptions {
  readonly store: SpillStore;
  /** Under what name the sessions of a tenant are stored; of an empty tenant, also what tells this model's sessions from those of others. */
  readonly scopeOf: (tenant: string) => string;
  readonly pageTokens: number;
  /** What is to be kept with a session beside its tokens, as of now. */
  readonly memoOf: (session: Session) => string;
  /** A session that was stored cannot be gone on from: told when its tenant first asks for any. */
  readonly onLost?: (tenant: string, session: string, why: string) => void;
  /** Milliseconds that storage may take over one session. */
  readonly patienceMs?: number;
}

/** What became of a session elsewhere, where several processes have the store. */
export type MovedSession = (session: Session) => void;

/** What stands in a record's label: of whose model it is, and what a list shows. */
interface Label {
  readonly session: string;
  readonly model: string;
  readonly salt?: string;
  readonly pinned: boolean;
  readonly provisional: boolean;
  readonly idleMs: number;
  readonly createdAt: number;
  readonly usedAt: number;
}

type Saveable = Session & { readonly idleMs: number };

/**
 * Sessions in a store, one record each, without pages: those are found by the session's tokens as any prefix is. A change is written a moment
 * later, one session after the other; of a session that changes faster, what it is then.
 */
export class SessionRecords {
  readonly #options: SessionRecordsOptions;
  readonly #model: string;
  /** Stored and not asked for since the process began, by the key of their tenant. */
  readonly #unclaimed = new Map<string, StoredSession[]>();
  /** By session: the record that has it as it is, or was. */
  readonly #records = new Map<
    Session,
    { readonly id: string; readonly tokens: Uint32Array; readonly usedAt: number }
  >();
  /** Those that could not be read, by the key of their tenant. */
  readonly #lost = new Map<string, string[]>();
  readonly #recordsOfUnclaimed = new Map<StoredSession, string>();
  readonly #changed = new Set<Saveable>();
  /** By name: sessions that this process has for itself, and how many here want that. */
  readonly #holds = new Map<string, { readonly hold: SessionHold; users: number }>();
  #onMoved: MovedSession = () => undefined;
  readonly #stopListening: () => void;
  readonly #patienceMs: number;
  /** A write that was given up on, and has not come back. */
  #isStuck = false;
  #writing: Promise<void> | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SessionRecordsOptions) {
    this.#options = options;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
    this.#model = hexOf(options.store.keyOf(options.scopeOf(''))).slice(0, 32);
    this.#stopListening = options.store.on((event) => {
      // Where nothing says who has which session, those of others are theirs.
      if (event.kind === 'found' && this.isShared) void this.#take(event.entry);
      if (event.kind !== 'dropped') return;
      if (event.reason === 'gone' && this.isShared) this.#forget(event.id);
      for (const [session, { id }] of this.#records) if (id === event.id) this.#records.delete(session);
    });
  }

  /** Whether other processes have the store, too. */
  get isShared(): boolean {
    return this.#options.store.directory !== undefined;
  }

  /** Says what is to be told of sessions that another process went on from, or closed. */
  set onMoved(listener: MovedSession) {
    this.#onMoved = listener;
  }

  /**
   * Has a session for this process alone, as it is anywhere, until it is let go as often as it was held: where several have the store. `claim` gives it then.
   * @returns false where nobody else has the store
   * @throws StarlingError conflict if another process has the session
   */
  async hold(tenant: string, id: string): Promise<boolean> {
    const { store } = this.#options;
    if (store.directory === undefined) return false;
    const name = this.#nameOf(tenant, id);
    if (this.#joins(name)) return true;
    const hold = await store.directory.take(name);
    // Somebody here may have been faster: of one process, the table decides.
    const isJoined = this.#joins(name);
    if (hold === undefined) {
      if (isJoined) return true;
      throw inUse(id);
    }
    if (isJoined) hold.release();
    else this.#holds.set(name, { hold, users: 1 });
    if (hold.record !== undefined && !this.#isKnown(hold.record)) {
      const entry = await store.find(hold.record);
      if (entry && !this.#isKnown(entry.id)) await this.#take(entry);
    }
    return true;
  }

  /** Ends a hold as soon as what is known of the session is written. */
  letGo(tenant: string, id: string): void {
    const name = this.#nameOf(tenant, id);
    if (!this.#holds.has(name)) return;
    void Promise.resolve(this.#writing)
      .then(() => this.#turn)
      .then(() => {
        const held = this.#holds.get(name);
        if (held === undefined || --held.users > 0) return;
        this.#holds.delete(name);
        held.hold.release();
      });
  }

  #joins(name: string): boolean {
    const held = this.#holds.get(name);
    if (held) held.users++;
    return held !== undefined;
  }

  #isKnown(record: string): boolean {
    return (
      [...this.#records.values()].some(({ id }) => id === record) ||
      [...this.#recordsOfUnclaimed.values()].includes(record)
    );
  }

  #nameOf(tenant: string, id: string): string {
    const { store, scopeOf } = this.#options;
    return store.directory === undefined ? '' : hexOf(store.keyOf(`session ${JSON.stringify([scopeOf(tenant), id])}`));
  }

  /** Reads what is stored. Of two records of one session, which a process that was killed may leave, the later counts. */
  async open(): Promise<void> {
    const { store } = this.#options;
    const found = new Map<string, { readonly entry: SpilledEntry; readonly label: Label }>();
    for (const entry of store.entries()) {
      const label = labelOf(entry);
      if (label?.model !== this.#model) continue;
      const name = `${hexOf(entry.key)} ${label.session}`;
      const other = found.get(name);
      const isOlder = other !== undefined && other.label.usedAt > label.usedAt;
      if (!isOlder) found.set(name, { entry, label });
      const loser = isOlder ? entry : other?.entry;
      if (loser) await store.delete(loser.id);
    }
    for (const { entry, label } of [...found.values()].sort((a, b) => a.label.usedAt - b.label.usedAt)) {
      if (await this.#read(entry, label)) continue;
      const key = hexOf(entry.key);
      this.#lost.set(key, [...(this.#lost.get(key) ?? []), label.session]);
    }
  }

  /** A record that another process wrote, if it is of a session of this model. */
  async #take(entry: SpilledEntry): Promise<void> {
    const label = labelOf(entry);
    if (label?.model === this.#model) await this.#read(entry, label);
  }

  /** False: the record is not to be had. */
  async #read(entry: SpilledEntry, label: Label): Promise<boolean> {
    const record = await this.#options.store.get(entry.id);
    if (record === undefined) return false;
    if (this.#isKnown(entry.id)) return true;
    const { session: id, salt, pinned: isPinned, provisional: isProvisional, idleMs, createdAt, usedAt } = label;
    const stored: StoredSession = {
      id,
      tokens: record.tokens,
      salt,
      isPinned,
      isProvisional,
      idleMs,
      createdAt,
      usedAt,
      memo: record.memo,
    };
    const tenant = hexOf(entry.key);
    const others = (this.#unclaimed.get(tenant) ?? []).filter((one) => {
      if (one.id === id) this.#recordsOfUnclaimed.delete(one);
      return one.id !== id;
    });
    this.#unclaimed.set(tenant, [...others, stored]);
    this.#recordsOfUnclaimed.set(stored, entry.id);
    return true;
  }

  /** Another process removed a record: what was in it is in another one now, or gone. */
  #forget(record: string): void {
    for (const [stored, id] of this.#recordsOfUnclaimed) {
      if (id !== record) continue;
      this.#recordsOfUnclaimed.delete(stored);
      for (const [tenant, sessions] of this.#unclaimed)
        this.#unclaimed.set(
          tenant,
          sessions.filter((one) => one !== stored),
        );
    }
    for (const [session, { id }] of this.#records) {
      if (id !== record) continue;
      this.#records.delete(session);
      this.#onMoved(session);
    }
  }

  /** How many sessions are stored and were not asked for since the process began. */
  get unclaimed(): number {
    return this.#recordsOfUnclaimed.size;
  }

  /** The stored sessions of a tenant, the one used longest ago first: once. */
  claim(tenant: string): StoredSession[] {
    if (this.#unclaimed.size === 0 && this.#lost.size === 0) return [];
    const key = hexOf(this.#options.store.keyOf(this.#options.scopeOf(tenant)));
    for (const session of this.#lost.get(key) ?? [])
      this.#options.onLost?.(tenant, session, 'its record is damaged, or storage could not give it');
    this.#lost.delete(key);
    const stored = this.#unclaimed.get(key) ?? [];
    this.#unclaimed.delete(key);
    return stored;
  }

  /** A session that was claimed and cannot be taken up here. @param isForNow it may be, later */
  leave(tenant: string, stored: StoredSession, isForNow: boolean): void {
    if (!isForNow) {
      this.#recordsOfUnclaimed.delete(stored);
      // Where several processes hear of each other it is another's.
      if (!this.isShared)
        this.#options.onLost?.(
          tenant,
          stored.id,
          'this key has more sessions stored than it may hold, or the adapters that it was computed with are not loaded, or another version wrote it',
        );
      return;
    }
    const key = hexOf(this.#options.store.keyOf(this.#options.scopeOf(tenant)));
    this.#unclaimed.set(key, [...(this.#unclaimed.get(key) ?? []), stored]);
  }

  /** A stored session is taken up as `session`, or (undefined) forgotten. */
  adopted(stored: StoredSession, session: Session | undefined): void {
    const id = this.#recordsOfUnclaimed.get(stored);
    this.#recordsOfUnclaimed.delete(stored);
    if (id === undefined) return;
    if (session) this.#records.set(session, { id, tokens: session.tokens, usedAt: session.usedAt });
    else void this.#options.store.delete(id);
  }

  /** A session is here no more, and what is stored of it is another's. */
  disowned(session: Session): void {
    this.#changed.delete(session as Saveable);
    this.#records.delete(session);
  }

  /** Whether a session is stored as it is. */
  isSaved(session: Session): boolean {
    return this.#records.get(session)?.tokens === session.tokens;
  }

  /** Notes that a session changed. */
  changed(session: Saveable): void {
    this.#changed.add(session);
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
  }

  /** A session is gone. */
  closed(session: Session): void {
    this.#changed.delete(session as Saveable);
    const record = this.#records.get(session);
    this.#records.delete(session);
    if (record === undefined) return;
    const { store } = this.#options;
    this.#turn = this.#turn.then(async () => {
      await store.directory?.forget(this.#nameOf(session.tenant, session.id), record.id);
      await store.delete(record.id);
    });
  }

  /** Writes these, and waits until all is written. */
  async flush(sessions: Iterable<Saveable>): Promise<void> {
    for (const session of sessions)
      if (this.#records.get(session)?.usedAt !== session.usedAt || !this.isSaved(session)) this.changed(session);
    await this.#writing;
    await waitFor(this.#turn, this.#patienceMs, () => undefined);
  }

  close(): void {
    this.#stopListening();
  }

  async #write(): Promise<void> {
    // Changes of one moment are one change.
    await Promise.resolve();
    for (const session of this.#changed) {
      this.#changed.delete(session);
      if (session.isBusy) continue;
      await this.#save(session);
    }
  }

  async #save(session: Saveable): Promise<void> {
    const { store, scopeOf, pageTokens, memoOf } = this.#options;
    const { tokens, usedAt, id, salt, isPinned, isProvisional, idleMs, createdAt, tenant } = session;
    const label: Label = {
      session: id,
      model: this.#model,
      ...(salt !== undefined && { salt }),
      pinned: isPinned,
      provisional: isProvisional,
      idleMs,
      createdAt,
      usedAt,
    };
    const before = this.#records.get(session);
    const record: SpillRecord = {
      key: store.keyOf(scopeOf(tenant)),
      owner: store.keyOf(ownerScopeOf(tenant)),
      tokens,
      from: Math.ceil(tokens.length / pageTokens) * pageTokens,
      pageTokens,
      pages: [],
      states: [],
      label: JSON.stringify(label),
      memo: memoOf(session),
    };
    const put = this.#isStuck
      ? undefined
      : await waitFor(store.put(record), this.#patienceMs, (late) => {
          this.#isStuck = false;
          // Nobody was told that it is saved.
          if (late) void store.delete(late.id);
        });
    if (put?.isLate) this.#isStuck = true;
    const entry = put?.isLate === false ? put.value : undefined;
    if (entry === undefined) return;
    if (!session.isClosed)
      await store.directory?.note(this.#nameOf(tenant, id), entry.id, isPinned ? Infinity : idleMs);
    // The new record is there before the old one goes: whenever the process ends, one of them is.
    if (before) await store.delete(before.id);
    if (session.isClosed) await store.delete(entry.id);
    else this.#records.set(session, { id: entry.id, tokens, usedAt });
  }
}

type Labelled = Pick<SpilledEntry, 'label' | 'from' | 'length'>;

function labelOf(entry: Labelled): Label | undefined {
  const label = parsedLabel(entry);
  return label && isSound(label) ? label : undefined;
}

/** Undefined for a record that is no session's. */
function parsedLabel({ label, from, length }: Labelled): Partial<Label> | undefined {
  if (from < length || !label.startsWith('{')) return undefined;
  try {
    return JSON.parse(label) as Partial<Label>;
  } catch {
    return undefined;
  }
}

/** Files come from elsewhere, too. */
function isSound(label: Partial<Label>): label is Label {
  const { session, model, salt, pinned, provisional, idleMs, createdAt, usedAt } = label;
  const isText = [session, model, salt ?? ''].every((value) => typeof value === 'string');
  return (
    isText &&
    [pinned, provisional].every((value) => typeof value === 'boolean') &&
    [idleMs, createdAt, usedAt].every((value) => Number.isFinite(value))
  );
}

/** Whether a record is that of a session that is to be kept. */
export const isPinnedRecord = (entry: Labelled): boolean => parsedLabel(entry)?.pinned === true;
