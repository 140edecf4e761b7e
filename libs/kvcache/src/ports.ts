/**
 * Bytes of the pages that an arena hands out, over all layers. Whoever owns the memory of the model implements it; the cache and its stores drive it.
 * Calls take turns with steps: a page is read as the last step left it.
 */
export interface PageBytes {
  /** Bytes of one page over all layers; 0 for a model that keeps no keys and values. */
  readonly pageBytes: number;
  /** Bytes of one page of windowed layers where those have pages of their own, else absent or 0. `n` of them is here the page `pageCount + n`, after all others. */
  readonly windowPageBytes?: number;
  /** Copies the bytes of a page to `into` `(pageBytes, or windowPageBytes)`. */
  readPage(page: number, into: Uint8Array): Promise<void>;
  /** Overwrites a page with `from` `(pageBytes, or windowPageBytes)`. Nobody may be reading it. */
  writePage(page: number, from: Uint8Array): Promise<void>;
  /** Copies all layers of one page to another. */
  copyPage(from: number, to: number): Promise<void>;
}

/** What a model remembers of a sequence beside pages: the state of its recurrent layers, one of fixed size for each slot. */
export interface SequenceStates {
  /** Bytes of the state of one slot; 0 for a model without recurrent layers. */
  readonly stateBytes: number;
  /** Copies the state of a slot to `into` `(stateBytes)` and gives the position that it is at: the tokens it has seen. */
  saveState(slot: number, into: Uint8Array): Promise<number>;
  /** Puts a state that was saved at `position` into a slot: the next step of the slot goes on there. */
  loadState(slot: number, from: Uint8Array, position: number): Promise<void>;
}

/** A state of recurrent layers and the position that it is at: it has seen the tokens `[0, position)` and no other. */
export interface StateCheckpoint {
  readonly position: number;
  /** `(stateBytes)`: never changed after it was saved, so that it may be shared. */
  readonly bytes: Uint8Array;
}
