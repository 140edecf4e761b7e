import { PageArena, type PageArenaOptions } from './page-arena.js';

export interface WindowPagesOptions extends Pick<PageArenaOptions, 'pageCount' | 'bytesPerPage'> {
  /** Positions that windowed layers see: those that are less than this away. */
  readonly window: number;
}

/** Pages of windowed layers, where those have pages of their own beside those of all other layers: sequences give them back as they slide out of the window. */
export class WindowPages {
  readonly arena: PageArena;
  readonly window: number;

  constructor(
    { window, ...options }: WindowPagesOptions,
    pageTokens: number,
    onCopy: (from: number, to: number) => void,
  ) {
    this.window = window;
    this.arena = new PageArena({ ...options, pageTokens, onCopy });
  }

  /** The first page, by its place in a sequence, that the token after `length` others sees. */
  firstSeen(length: number): number {
    return Math.floor(Math.max(0, length - this.window + 1) / this.arena.pageTokens);
  }
}
