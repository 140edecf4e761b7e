/** Where the bytes of one file and its journal are kept: whoever has it is alone with it until it is closed. */
export interface ChunkStore {
  /** The journal, or as much as `limit` bytes of it. */
  readJournal(limit: number): Uint8Array;
  /** Adds to the journal; with `anew` in place of all there was. It is on disk when this returns. */
  writeJournal(text: string, options?: { readonly anew?: boolean }): void;
  /** Fills `into`; gives how many bytes there were. */
  read(offset: number, into: Uint8Array): number;
  /** Writes bytes; they are on disk when this returns. @throws where there is no room */
  write(offset: number, bytes: Uint8Array): void;
  close(): void;
}
