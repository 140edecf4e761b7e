import type { Session } from '../session.js';
import type { StoredSession } from './session-records.js';

/** What becomes of stored sessions that were asked for: taken up; left until a request has ended; left to other processes, or for the next start; forgotten. */
export interface StoredFates {
  readonly taken: readonly { readonly stored: StoredSession; readonly cacheKey: string }[];
  readonly later: readonly StoredSession[];
  readonly others: readonly StoredSession[];
  readonly forgotten: readonly StoredSession[];
}

/** What a table has of a tenant. */
export interface HeldSessions {
  /** By name. */
  readonly held: ReadonlyMap<string, Session> | undefined;
  /** How many of a kind may be held. */
  readonly limits: { readonly named: number; readonly provisional: number };
  readonly keyOf: (stored: StoredSession) => string | undefined;
  /** Other processes have the storage, and hear of this one. */
  readonly isShared: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * @param claimed the one used longest ago first; those used last come first to their places. One whose name is held is a newer state of that one, and takes
 *   its place
 */
export function fatesOf(
  claimed: readonly StoredSession[],
  { held, limits, keyOf, isShared, now }: HeldSessions,
): StoredFates {
  const room = { ...limits };
  for (const session of held?.values() ?? []) room[kindOf(session)]--;
  const names = new Set(claimed.map(({ id }) => id));
  /** Those that close for one that was used later. */
  const oldest = [...(held?.values() ?? [])].filter(
    ({ id, isBusy, isPinned }) => !isBusy && !isPinned && !names.has(id),
  );
  const makesRoom = ({ usedAt }: StoredSession, kind: 'named' | 'provisional'): boolean => {
    const at = oldest.findIndex((one) => kindOf(one) === kind && one.usedAt < usedAt);
    if (at >= 0) oldest.splice(at, 1);
    return at >= 0;
  };
  const taken: { readonly stored: StoredSession; readonly cacheKey: string }[] = [];
  const [later, others, forgotten]: StoredSession[][] = [[], [], []];
  for (const stored of [...claimed].reverse()) {
    const isOver = !stored.isPinned && stored.usedAt + stored.idleMs <= now;
    const cacheKey = isOver ? undefined : keyOf(stored);
    const before = held?.get(stored.id);
    const kind = kindOf(stored);
    if (before?.isBusy === true) later.push(stored);
    else if (cacheKey === undefined) (isOver ? forgotten : others).push(stored);
    else {
      if (before) room[kindOf(before)]++;
      if (room[kind]-- > 0 || makesRoom(stored, kind)) taken.unshift({ stored, cacheKey });
      // Its owner has so many on all replicas together; where these do not hear of each other, each has so many.
      else (isShared ? forgotten : others).push(stored);
    }
  }
  return { taken, later, others, forgotten };
}

const kindOf = ({ isProvisional }: Pick<Session, 'isProvisional'>) => (isProvisional ? 'provisional' : 'named');

/** Sessions in the order of their use, which those that come from elsewhere do not come in. */
export const inOrderOfUse = <One extends Session>(sessions: ReadonlyMap<string, One>): Map<string, One> =>
  new Map([...sessions].sort(([, a], [, b]) => a.usedAt - b.usedAt));
