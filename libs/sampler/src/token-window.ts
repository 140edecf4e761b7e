const FIRST_CAPACITY = 64;

/** The last tokens of a sequence, up to a limit (-1: all of them): a ring that grows with its use. */
export class TokenWindow {
  private ring: Int32Array;
  private next = 0;
  private held = 0;
  /** Infinity: no limit. */
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit === -1 ? Infinity : limit;
    this.ring = new Int32Array(Math.min(this.limit, FIRST_CAPACITY));
  }

  /** How many tokens are held. */
  get length(): number {
    return this.held;
  }

  /** Adds a token; gives the oldest one back when that had to go. */
  push(id: number): number | undefined {
    if (this.limit === 0) return id;
    if (this.held === this.ring.length && this.held < this.limit) this.grow();
    const dropped = this.held === this.limit ? this.ring[this.next] : undefined;
    this.ring[this.next] = id;
    this.next = this.next + 1 === this.ring.length ? 0 : this.next + 1;
    if (dropped === undefined) this.held++;
    return dropped;
  }

  /** The token `back` steps before the last one. 0 <= back < length. */
  fromEnd(back: number): number {
    const at = this.next - 1 - back;
    return this.ring[at < 0 ? at + this.ring.length : at];
  }

  fork(): TokenWindow {
    const copy = new TokenWindow(this.limit);
    copy.ring = this.ring.slice();
    copy.next = this.next;
    copy.held = this.held;
    return copy;
  }

  /** The tokens, oldest first. */
  toArray(): number[] {
    return Array.from({ length: this.held }, (_, i) => this.fromEnd(this.held - 1 - i));
  }

  /** Lays the tokens out anew, oldest first, in a larger ring. */
  private grow(): void {
    const larger = new Int32Array(Math.min(this.limit, this.ring.length * 2));
    for (let i = 0; i < this.held; i++) larger[i] = this.fromEnd(this.held - 1 - i);
    this.ring = larger;
    this.next = this.held;
  }
}
