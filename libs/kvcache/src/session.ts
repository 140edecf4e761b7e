import { StarlingError } from '@starling/core';
import type { PathAnchor } from './page-node.js';

/** A conversation or text that goes on from request to request, by name. Its pages are the cache's, which may give them to others meanwhile. */
export interface Session {
  readonly id: string;
  readonly tenant: string;
  /** Whose computed tokens it shares: see `cacheKeyOf`. */
  readonly cacheKey: string;
  /** The salt of that key. */
  readonly salt: string | undefined;
  readonly tokens: Uint32Array;
  /** A request goes on from it: until that ends no other may. */
  readonly isBusy: boolean;
  /** Neither time nor the limit of sessions closes it, and its pages are the last to go. */
  readonly isPinned: boolean;
  /** Made unasked, for whoever may want to go on: the first to go where there are too many. */
  readonly isProvisional: boolean;
  /** Milliseconds since 1970, as are all times here. */
  readonly createdAt: number;
  readonly usedAt: number;
  /** When it closes by itself unless it is used before; Infinity while it is pinned. */
  readonly expiresAt: number;
  /** It was closed: a request that goes on from it goes on without it. */
  readonly isClosed: boolean;
}

/** What may be changed of a session. */
export interface SessionChange {
  readonly isPinned?: boolean;
  /** Milliseconds without use after which it closes: above 0, up to `MAX_IDLE_MS`. */
  readonly idleMs?: number;
}

export const MAX_SESSION_ID = 256;
/** Longer times to live, a good 30 years, are taken for mistakes; what ends never is pinned. */
export const MAX_IDLE_MS = 1e12;
const OWN_NAME = /^sess_[0-9a-f]{32}$/;

/** A session as its table has it. */
export type SessionEntry = { -readonly [Name in keyof Session]: Session[Name] } & PathAnchor & {
    isPinned: boolean;
    idleMs: number;
    /** Pages that it had went to others since it was used last. */
    hasLost: boolean;
    /** The request that goes on from it had it held against other processes. */
    isHeld: boolean;
  };

/** What a session is begun with. */
export interface SessionBeginning extends Pick<Session, 'tenant' | 'cacheKey' | 'salt' | 'isProvisional'> {
  /** Absent: one of the table's own. */
  readonly id: string | undefined;
}

/**
 * A session without tokens.
 * @param onEvicted called when it loses pages, once between two uses
 * @throws StarlingError invalid_request for a name that is none
 */
export function newSession(
  { id = `sess_${globalThis.crypto.randomUUID().replaceAll('-', '')}`, ...beginning }: SessionBeginning,
  idleMs: number,
  now: number,
  onEvicted: () => void,
): SessionEntry {
  if (id.length === 0 || id.length > MAX_SESSION_ID) {
    throw new StarlingError(
      'invalid_request',
      `the name of a session has 1 to ${MAX_SESSION_ID} characters, not ${id.length}`,
      { details: { param: 'sessionId' } },
    );
  }
  const entry: SessionEntry = {
    ...beginning,
    id,
    tokens: new Uint32Array(0),
    isBusy: false,
    isPinned: false,
    isClosed: false,
    createdAt: now,
    usedAt: now,
    expiresAt: now + idleMs,
    idleMs,
    hasLost: false,
    isHeld: false,
    node: undefined,
    onLoss: () => {
      if (!entry.hasLost) onEvicted();
      entry.hasLost = true;
    },
  };
  return entry;
}

/** Whether a name is one that a table gave. */
export const isOwnName = (id: string): boolean => OWN_NAME.test(id);

export function unknownSession(id: string): StarlingError {
  return new StarlingError(
    'not_found',
    `there is no session ${id}: it was closed, or its time has passed, or it never was`,
    { details: { param: 'sessionId' } },
  );
}

/** @throws StarlingError of that code for a time to live that is none, or beyond `MAX_IDLE_MS` */
export function checkedIdleMs(
  idleMs: number,
  code: 'invalid_request' | 'invalid_argument' = 'invalid_request',
): number {
  if (idleMs > 0 && idleMs <= MAX_IDLE_MS) return idleMs;
  throw new StarlingError(
    code,
    `the time to live of a session is a number of milliseconds above 0 and up to ${MAX_IDLE_MS}, not ${idleMs}: pin a session that is to stay`,
    { details: { param: 'idleMs' } },
  );
}

/** @throws StarlingError invalid_request for a position beyond the end */
export function checkedPosition({ id, tokens }: Session, position: number = tokens.length): number {
  if (Number.isInteger(position) && position >= 0 && position <= tokens.length) return position;
  throw new StarlingError(
    'invalid_request',
    `session ${id} has ${tokens.length} tokens; position ${position} is not one of 0 to ${tokens.length}`,
    { details: { param: 'position' } },
  );
}

export const inUse = (id: string): StarlingError =>
  new StarlingError('conflict', `a request goes on from session ${id}: wait for its end, or fork the session`, {
    details: { param: 'sessionId' },
  });

export const nameTaken = (id: string, param: string): StarlingError =>
  new StarlingError('conflict', `there is a session ${id} already: close it, or choose another name`, {
    details: { param },
  });
