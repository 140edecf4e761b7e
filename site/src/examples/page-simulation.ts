import { KvSequence, PageArena, type ArenaStatistics } from '@starling/kvcache';

/** A sequence as it is shown. */
export interface ShownSequence {
  readonly name: string;
  readonly length: number;
  readonly pages: readonly number[];
}

/** Sequences that grow, fork and go in an arena of 12 pages of 4 tokens. */
export class PageSimulation {
  readonly arena = new PageArena({
    pageCount: 12,
    pageTokens: 4,
    onCopy: (from, to) => void this.events.push(`page ${from} is copied to ${to} before it is written`),
  });
  readonly events: string[] = [];
  readonly #sequences = new Map<string, KvSequence>();
  #names = 0;

  begin(): void {
    this.#add(new KvSequence(this.arena));
  }

  /** @throws StarlingError kv_exhausted, and changes nothing, if too few pages are free */
  append(name: string, tokens: number): void {
    const sequence = this.#sequences.get(name)!;
    sequence.reserve(tokens);
    sequence.commit(tokens);
  }

  fork(name: string): void {
    this.#add(this.#sequences.get(name)!.fork());
  }

  release(name: string): void {
    this.#sequences.get(name)!.release();
    this.#sequences.delete(name);
  }

  get sequences(): ShownSequence[] {
    return [...this.#sequences].map(([name, { length, pages }]) => ({ name, length, pages: [...pages] }));
  }

  /** Which sequences hold each page. */
  get holders(): string[][] {
    return Array.from({ length: this.arena.pageCount }, (_, page) =>
      this.sequences.filter(({ pages }) => pages.includes(page)).map(({ name }) => name),
    );
  }

  get statistics(): ArenaStatistics {
    return this.arena.statistics();
  }

  #add(sequence: KvSequence): void {
    this.#sequences.set(String.fromCharCode(65 + (this.#names++ % 26)), sequence);
  }
}
