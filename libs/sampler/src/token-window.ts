/** The last tokens of a sequence, up to a limit: a ring. */
export class TokenWindow {
  private readonly ring: Int32Array;
  private next = 0;
  private held = 0;

  constructor(readonly limit: number) {
    this.ring = new Int32Array(limit);
  }

  /** How many tokens are held. */
  get length(): number {
    return this.held;
  }

  /** Adds a token; gives the oldest one back when that had to go. */
  push(id: number): number | undefined {
    const dropped = this.held === this.limit ? this.ring[this.next] : undefined;
    this.ring[this.next] = id;
    this.next = this.next + 1 === this.limit ? 0 : this.next + 1;
    if (dropped === undefined) this.held++;
    return dropped;
  }

  /** The token `back` steps before the last one. 0 <= back < length. */
  fromEnd(back: number): number {
    const at = this.next - 1 - back;
    return this.ring[at < 0 ? at + this.limit : at];
  }

  fork(): TokenWindow {
    const copy = new TokenWindow(this.limit);
    copy.ring.set(this.ring);
    copy.next = this.next;
    copy.held = this.held;
    return copy;
  }

  /** The tokens, oldest first. */
  toArray(): number[] {
    return Array.from({ length: this.held }, (_, i) => this.fromEnd(this.held - 1 - i));
  }
}
