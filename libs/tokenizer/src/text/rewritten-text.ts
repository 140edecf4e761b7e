import { TEXT_START } from './utf8.js';

/**
 * A changed copy of a stretch of text that remembers where each of its bytes comes from: byte i of `bytes` was made from the bytes
 * `[starts[i], ends[i])` of the original. It begins at `TEXT_START`, so that a model may put a space in front.
 */
export class RewrittenText {
  bytes = new Uint8Array(1 << 10);
  starts = new Uint32Array(1 << 10);
  ends = new Uint32Array(1 << 10);
  length = TEXT_START;

  clear(): void {
    this.length = TEXT_START;
    if (this.bytes.length <= 1 << 20) return;
    this.bytes = new Uint8Array(1 << 10);
    this.starts = new Uint32Array(1 << 10);
    this.ends = new Uint32Array(1 << 10);
  }

  /** Adds one byte that was made from `[start, end)` of the original. */
  push(byte: number, start: number, end: number): void {
    if (this.length === this.bytes.length) this.grow();
    const at = this.length++;
    this.bytes[at] = byte;
    this.starts[at] = start;
    this.ends[at] = end;
  }

  /** Adds the UTF-8 bytes of a code point. */
  pushCodePoint(cp: number, start: number, end: number): void {
    if (cp < 0x80) {
      this.push(cp, start, end);
    } else if (cp < 0x800) {
      this.push(0xc0 | (cp >> 6), start, end);
      this.push(0x80 | (cp & 0x3f), start, end);
    } else {
      if (cp < 0x10000) {
        this.push(0xe0 | (cp >> 12), start, end);
      } else {
        this.push(0xf0 | (cp >> 18), start, end);
        this.push(0x80 | ((cp >> 12) & 0x3f), start, end);
      }
      this.push(0x80 | ((cp >> 6) & 0x3f), start, end);
      this.push(0x80 | (cp & 0x3f), start, end);
    }
  }

  /** Where the earliest origin of `[start, end)` starts: what is rewritten may have changed its order. */
  firstOrigin(start: number, end: number): number {
    let first = this.starts[start];
    for (let at = start + 1; at < end; at++) if (this.starts[at] < first) first = this.starts[at];
    return first;
  }

  /** Where the latest origin of `[start, end)` ends. */
  lastOrigin(start: number, end: number): number {
    let last = this.ends[start];
    for (let at = start + 1; at < end; at++) if (this.ends[at] > last) last = this.ends[at];
    return last;
  }

  private grow(): void {
    const bytes = new Uint8Array(this.bytes.length * 2);
    const starts = new Uint32Array(bytes.length);
    const ends = new Uint32Array(bytes.length);
    bytes.set(this.bytes);
    starts.set(this.starts);
    ends.set(this.ends);
    this.bytes = bytes;
    this.starts = starts;
    this.ends = ends;
  }
}
