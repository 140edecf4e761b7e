import type { SavedSession } from './saved-session.js';

/** A session as its owner sees it. Times are milliseconds since 1970. */
export interface SessionInfo {
  readonly id: string;
  /** Tokens that a request would go on after. */
  readonly tokens: number;
  /** Positions at which answers ended: those from which messages can go on; where there are none, those after text. */
  readonly turns: readonly number[];
  readonly isPinned: boolean;
  /** A request goes on from it now. */
  readonly isBusy: boolean;
  /** It is stored as it is, and would be there again after a restart. */
  readonly isSaved: boolean;
  readonly createdAt: number;
  readonly usedAt: number;
  /** When it closes by itself unless it is used before; Infinity while it is pinned. */
  readonly expiresAt: number;
}

/** The sessions of one tenant: those of another are not there. @throws StarlingError not_found for an id that is none of its sessions */
export interface TenantSessions {
  /**
   * Has a session for this process alone, as another process may have left it, until the returned function is called: where several share what is stored.
   * Requests do so by themselves, where they are asked beside the calling thread.
   * @throws StarlingError conflict if a request of another process goes on from it
   */
  hold(id: string): Promise<() => void>;
  /** The one used longest ago first. */
  list(): SessionInfo[];
  /** Forgets a session at once. */
  close(id: string): void;
  /**
   * A second session with the first `position` tokens of one (default: all); pages are shared.
   * @param options.as its name. Default: one of the table's own
   * @throws StarlingError conflict if the name is taken, rate_limited if there are too many, invalid_request for a position beyond the end
   */
  fork(id: string, options?: { readonly as?: string; readonly position?: number }): SessionInfo;
  /** Forgets the tokens from `position` on. @throws StarlingError conflict if it is busy, invalid_request for a position beyond the end */
  rewind(id: string, position: number): SessionInfo;
  /**
   * A session with what was computed for it, to be written to a file and opened elsewhere.
   * @throws StarlingError conflict if it is busy, not_supported if the model was loaded without a digest of its weights
   */
  save(id: string): Promise<SavedSession>;
  /**
   * A session that was saved, here or elsewhere, with the same weights, format and layout.
   * @param options.as its name. Default: the one that it had
   * @param options.isProvisional as one that was made unasked, it takes no place of those that are named. Default false
   * @returns the session, and how many of its tokens need not be computed again
   * @throws StarlingError invalid_request that names what differs, conflict if the name is taken, rate_limited if there are too many
   */
  open(
    saved: SavedSession,
    options?: { readonly as?: string; readonly isProvisional?: boolean },
  ): Promise<SessionInfo & { readonly knownTokens: number }>;
  update(id: string, change: { readonly isPinned?: boolean; readonly idleMs?: number }): SessionInfo;
}
