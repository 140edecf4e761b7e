import { StarlingError, checkedProduct } from '@starling/core';
import type { KvLayout, KvPart, KvTensor } from './kv-layout.js';
import type { KvSequence } from './kv-sequence.js';

/**
 * The bytes of an arena's pages in one buffer, for programs that compute in plain TypeScript. Page p is bytes
 * `[p * pageBytes, (p + 1) * pageBytes)`. Hand `copyPage` to the arena as `onCopy`.
 * (Starling's own transformer keeps pages in WebAssembly memory instead and uses only the page tables.)
 */
export class KvStore {
  readonly layout: KvLayout;
  readonly pageCount: number;
  readonly #bytes: Uint8Array;

  /** Allocates `pageCount * layout.pageBytes` bytes. */
  constructor(layout: KvLayout, pageCount: number) {
    this.layout = layout;
    this.pageCount = pageCount;
    this.#bytes = new Uint8Array(
      checkedProduct([pageCount, layout.pageBytes], { code: 'invalid_argument', what: 'bytes of a KV store' }),
    );
  }

  /** Copies all layers of one page to another. */
  readonly copyPage = (from: number, to: number): void => {
    const { pageBytes } = this.layout;
    this.#bytes.copyWithin(to * pageBytes, from * pageBytes, (from + 1) * pageBytes);
  };

  /**
   * Writes the keys or values of one layer for positions `[start, start + tokens)`, which must have been reserved and not yet committed.
   * @throws StarlingError invalid_argument for a tensor of another type or shape, or positions that may not be written
   */
  write(sequence: KvSequence, layer: number, part: KvPart, start: number, tensor: KvTensor): void {
    const tokens = tensor.shape[0] ?? 0;
    this.layout.validate(tensor, part, layer, tokens);
    if (start < sequence.length) {
      throw new StarlingError(
        'invalid_argument',
        `position ${start} has been committed (the sequence has ${sequence.length} tokens) and may be shared: only reserved positions are written`,
        {
          details: { start, length: sequence.length },
        },
      );
    }
    this.#eachRow(sequence, layer, part, start, tensor, (row, stored) => stored.set(row));
  }

  /**
   * Reads the keys or values of one layer for positions `[start, start + tokens)` into a tensor.
   * @throws StarlingError invalid_argument for a tensor of another type or shape, or positions that hold no token
   */
  read(sequence: KvSequence, layer: number, part: KvPart, start: number, into: KvTensor): void {
    const tokens = into.shape[0] ?? 0;
    this.layout.validate(into, part, layer, tokens);
    if (start < 0 || start + tokens > sequence.length) {
      throw new StarlingError(
        'invalid_argument',
        `positions ${start} to ${start + tokens} were asked for, the sequence has ${sequence.length} tokens`,
        {
          details: { start, tokens, length: sequence.length },
        },
      );
    }
    this.#eachRow(sequence, layer, part, start, into, (row, stored) => row.set(stored));
  }

  #eachRow(
    sequence: KvSequence,
    layer: number,
    part: KvPart,
    start: number,
    tensor: KvTensor,
    visit: (row: Uint8Array, stored: Uint8Array) => void,
  ): void {
    const rowBytes = this.layout.rowLength(part) * this.layout.elementBytes;
    const rows = new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
    for (let i = 0; i < tensor.shape[0]; i++) {
      const { page, offset } = sequence.locate(start + i);
      const at = page * this.layout.pageBytes + this.layout.rowOffset(layer, part, offset);
      visit(rows.subarray(i * rowBytes, (i + 1) * rowBytes), this.#bytes.subarray(at, at + rowBytes));
    }
  }
}
