import { assert } from '@starling/core';
import type { SessionEntry } from './session.js';
import { inOrderOfUse } from './spill/stored-fates.js';

/** How many sessions of a kind a tenant may have. */
export interface SessionPlaces {
  readonly named: number;
  /** Those that were made unasked. */
  readonly provisional: number;
}

/**
 * Where a table has its sessions: by tenant and name, the one that was used longest ago first, and when the next of them is past its time.
 *
 * Invariant: a tenant that is there has a session, each under its own name and in order of use; the size is their count.
 */
export class SessionShelf {
  readonly #now: () => number;
  readonly #tenants = new Map<string, Map<string, SessionEntry>>();
  #nextExpiry = Infinity;
  #latest = 0;
  #size = 0;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now;
  }

  get size(): number {
    return this.#size;
  }

  /** Milliseconds since 1970. A clock that people set back does not go back here. */
  time(): number {
    return (this.#latest = Math.max(this.#latest, this.#now()));
  }

  of(tenant: string): ReadonlyMap<string, SessionEntry> | undefined {
    return this.#tenants.get(tenant);
  }

  *all(): Generator<SessionEntry> {
    for (const sessions of this.#tenants.values()) yield* sessions.values();
  }

  /** Takes a session as the one that was used last. */
  add(entry: SessionEntry): void {
    const { tenant } = entry;
    const sessions = this.#tenants.get(tenant) ?? new Map<string, SessionEntry>();
    this.#tenants.set(tenant, sessions.set(entry.id, entry));
    this.#size++;
    this.#nextExpiry = Math.min(this.#nextExpiry, entry.expiresAt);
  }

  /** A session is used now; nothing, if it is here no more. */
  touch(entry: SessionEntry): void {
    const sessions = this.#tenants.get(entry.tenant);
    if (sessions?.get(entry.id) !== entry) return;
    sessions.delete(entry.id);
    sessions.set(entry.id, entry);
    this.setUse(entry, this.time());
  }

  /** Says when a session was used last. */
  setUse(entry: SessionEntry, usedAt: number): void {
    this.#latest = Math.max(this.#latest, usedAt);
    entry.usedAt = usedAt;
    entry.expiresAt = entry.isPinned ? Infinity : usedAt + entry.idleMs;
    this.#nextExpiry = Math.min(this.#nextExpiry, entry.expiresAt);
  }

  /** Has the sessions of a tenant in the order of their uses, after those were set. */
  reorder(tenant: string): void {
    const sessions = this.#tenants.get(tenant);
    if (sessions) this.#tenants.set(tenant, inOrderOfUse(sessions));
  }

  remove({ tenant, id }: SessionEntry): void {
    const sessions = this.#tenants.get(tenant);
    if (sessions?.delete(id) !== true) return;
    if (sessions.size === 0) this.#tenants.delete(tenant);
    this.#size--;
  }

  /** Those that are past their time and not busy: the caller removes them. */
  expired(): SessionEntry[] {
    const now = this.time();
    if (now < this.#nextExpiry) return [];
    this.#nextExpiry = Infinity;
    const gone: SessionEntry[] = [];
    for (const entry of this.all()) {
      if (entry.expiresAt <= now && !entry.isBusy) gone.push(entry);
      else this.#nextExpiry = Math.min(this.#nextExpiry, Math.max(entry.expiresAt, now + 1));
    }
    return gone;
  }

  /** @throws StarlingError internal with what is broken */
  checkIntegrity({ named, provisional }: SessionPlaces): void {
    let size = 0;
    for (const [tenant, sessions] of this.#tenants) {
      const unasked = [...sessions.values()].filter(({ isProvisional }) => isProvisional).length;
      assert(
        sessions.size > 0 && sessions.size - unasked <= named && unasked <= provisional,
        `a tenant has 1 to ${named} sessions`,
      );
      let last = -Infinity;
      for (const [id, entry] of sessions) {
        assert(entry.id === id && entry.tenant === tenant, 'a session is kept under its own name');
        assert(entry.usedAt >= last && entry.usedAt >= entry.createdAt, 'sessions are in order of use');
        last = entry.usedAt;
        size++;
      }
    }
    assert(size === this.#size, 'sessions are counted');
  }
}
