import type { Listener } from '@starling/core';

/** What a process tells the others of a record in the folder that all have. */
export interface RecordNews {
  readonly kind: 'written' | 'removed';
  readonly id: string;
}

/** How processes that have one folder hear of each other's records. Telling never fails: what is not heard is found when the folder is read again. */
export interface RecordFeed {
  tell(news: RecordNews): void;
  /** Hears what others told, in the order of each; `missed`: something may have been told that was not heard. */
  on(listener: Listener<RecordNews | { readonly kind: 'missed' }>): () => void;
}

/** A session that a process has for itself, for one turn. */
export interface SessionHold {
  /** The record that has the session as the last turn left it; undefined: none is known. */
  readonly record: string | undefined;
  /** Lets others have it; once is enough. */
  release(): void;
}

/**
 * Who goes on from which session, and which record has its newest state, for processes that share a store. A folder alone says neither at once:
 * shared file systems show new names late, clocks differ, and nothing in it says that somebody is at work.
 *
 * Names are digests: they tell nobody whose sessions they are.
 */
export interface SessionDirectory {
  /** Takes a session; waits a little for one that is taken. Undefined: somebody has it, and keeps it. */
  take(name: string): Promise<SessionHold | undefined>;
  /** A session's newest state is in this record from now on, and is of no use after so many milliseconds. */
  note(name: string, record: string, msToLive: number): Promise<void>;
  /** A session is gone, unless its newest state is in another record by now. */
  forget(name: string, record: string): Promise<void>;
}
