/** What was counted under a name in the window that is open. */
export interface WindowCount {
  readonly used: number;
  /** Milliseconds until the window ends and counting begins anew; the whole of it where nothing was counted. */
  readonly msLeft: number;
}

/** A place among those that may be taken at once. */
export interface Lease {
  /** Gives the place back; once is enough, more does no harm. */
  release(): Promise<void>;
}

/**
 * Where limits are counted: in this process, or in one place for several. Windows begin with what is counted first and last `windowSeconds`.
 * Each implementation is held to `limit-store.contract.ts`.
 */
export interface LimitStore {
  /** Adds to what is counted under a name, and tells what it came to. Of several that add at once each sees another sum. */
  add(name: string, amount: number): Promise<WindowCount>;
  /** What is counted, and nothing added. */
  read(name: string): Promise<WindowCount>;
  /** Takes one of `limit` places of a name; undefined if all are taken. A process that dies gives its places back, later. */
  acquire(name: string, limit: number): Promise<Lease | undefined>;
  close(): Promise<void>;
}
