import fc from 'fast-check';
import type { CacheMatch } from './cache-match.js';
import { KvCache } from './kv-cache.js';
import type { KvSequence } from './kv-sequence.js';

const PAGE_TOKENS = 4;
const STATE_BYTES = 4;
/** Positions that windowed layers see, where there are some. */
const WINDOW = 7;

/** The nightly command sets these: many more runs. Lists of commands have `STEPS` of them on average. */
const RUNS = Number(process.env.STARLING_PROPERTY_RUNS ?? 500);
const STEPS = Number(process.env.STARLING_PROPERTY_STEPS ?? 200);

/** A sequence under way: its first `kv.length` tokens are computed. */
interface Live {
  readonly key: string;
  readonly tokens: Uint32Array;
  readonly kv: KvSequence;
}

/** A cache over pages that remember what was written to them; those of windowed layers come last. */
interface Real {
  readonly cache: KvCache;
  readonly pages: (number | undefined)[][];
  /** Pages that hold something. */
  readonly written: Set<number>;
  readonly live: Live[];
}
/** What each key was given: all that a match of it may find, and, but for what was evicted or held by two when it was given, all that it does. */
interface Model {
  readonly given: Map<string, Uint32Array[]>;
  /** What all keys were given. */
  readonly shared: readonly Uint32Array[];
  hasLess: boolean;
}
type Command = fc.Command<Model, Real>;

/** Tokens that begin like all others, up to where they part. */
const tokensOf = (length: number, parts: number): Uint32Array =>
  Uint32Array.from({ length }, (_, i) => 1 + i + (i >= parts ? 50 + parts : 0));

const hashOf = (tokens: ArrayLike<number>, length: number): number =>
  Array.from({ length }, (_, i) => tokens[i]).reduce((hash, token) => (hash * 31 + token) % 2 ** 31, 7);

function common(a: ArrayLike<number>, b: ArrayLike<number>, limit: number): number {
  let length = 0;
  while (length < Math.min(a.length, b.length, limit) && a[length] === b[length]) length++;
  return length;
}

/** The first position whose page does not hold the token that it should; -1 if all do. */
function firstWrong({ pages }: Real, { kv, tokens }: Live): number {
  for (let position = 0; position < kv.length; position++) {
    const { page, offset } = kv.locate(position);
    if (pages[page][offset] !== tokens[position]) return position;
    if (!kv.windows || position < kv.length - WINDOW + 1) continue;
    const own = kv.windows.pages[Math.floor(position / PAGE_TOKENS)];
    if (own < 0 || pages[kv.arena.pageCount + own][offset] !== tokens[position]) return position;
  }
  return -1;
}

function copyPages({ cache, pages, written }: Real): void {
  for (const [from, to] of cache.takeCopies()) {
    pages[to] = [...pages[from]];
    written.add(to);
  }
}

function check(real: Real): void {
  const { cache, pages, written, live } = real;
  copyPages(real);
  // Nobody reads a page that is free: what it held is gone.
  for (const page of written) {
    const { pageCount } = cache.arena;
    if ((page < pageCount ? cache.arena.holdersOf(page) : cache.windows?.arena.holdersOf(page - pageCount)) !== 0)
      continue;
    pages[page].fill(undefined);
    written.delete(page);
  }
  for (const { kv } of live) kv.checkIntegrity();
  cache.checkIntegrity(
    live.map(({ kv }) => kv.pages),
    live.flatMap(({ kv }) => (kv.windows ? [kv.windows.pages] : [])),
  );
  const wrong = live.map((one) => firstWrong(real, one)).filter((position) => position >= 0);
  if (wrong.length > 0) expect(wrong).toEqual([]);
}

class Begin implements Command {
  constructor(readonly asked: { readonly key: string; readonly length: number; readonly parts: number }) {}
  check = (): boolean => true;
  run(model: Model, real: Real): void {
    const { key, length, parts } = this.asked;
    const tokens = tokensOf(length, parts);
    const found = real.cache.match(key, tokens, length - 1);
    real.live.push({ key, tokens, kv: found.kv });
    const longest = (all: readonly Uint32Array[]): number =>
      Math.max(0, ...all.map((given) => common(given, tokens, length - 1)));
    const most = longest([...(model.given.get(key) ?? []), ...model.shared]);
    // What all share is always there; states of it are where it ends.
    const least =
      real.cache.stateBytes === 0
        ? longest(model.hasLess ? model.shared : [tokens.subarray(0, most)])
        : longest(model.shared.filter(({ length: end }) => longest(model.shared) === end));
    // Those of windowed layers may be gone, but where what all share ends.
    const always =
      real.cache.windows === undefined
        ? least
        : Math.max(0, ...model.shared.filter((all) => longest([all]) === all.length).map((all) => all.length));
    const isRight =
      found.kv.length >= always && found.kv.length <= most && (real.cache.stateBytes === 0 || isAtState(found, tokens));
    const saysWhy =
      (found.miss === undefined) === (found.kv.length === length - 1) &&
      (found.miss === undefined || found.miss.position === found.kv.length);
    if (!isRight || !saysWhy) expect({ ...found, length: found.kv.length, most }).toBe('what its key was given');
    check(real);
  }
  toString = (): string => `begin(${JSON.stringify(this.asked)})`;
}

/** With recurrent layers a sequence goes on where a state of the same tokens was kept, or from the first one. */
function isAtState({ kv, state }: CacheMatch, tokens: Uint32Array): boolean {
  if (state === undefined) return kv.length === 0;
  return (
    state.position === kv.length && new DataView(state.bytes.buffer).getInt32(0) === hashOf(tokens, state.position)
  );
}

/** Does something to one of the sequences under way. */
abstract class OfOne implements Command {
  constructor(
    readonly which: number,
    readonly amount = 0,
  ) {}
  check = (): boolean => true;
  run(model: Model, real: Real): void {
    const one = real.live[this.which % Math.max(1, real.live.length)];
    if (one) this.apply(one, model, real);
    check(real);
  }
  abstract apply(one: Live, model: Model, real: Real): void;
  toString = (): string => `${this.constructor.name}(${this.which}, ${this.amount})`;
}

/** Computes its next tokens, with pages that the cache lets go if there are too few. */
class Compute extends OfOne {
  apply({ kv, tokens }: Live, model: Model, real: Real): void {
    const { cache, pages, written } = real;
    const count = Math.min(this.amount, tokens.length - kv.length);
    const { evictedPages } = cache.statistics();
    const missing = cache.makeRoom(kv, count);
    if (cache.statistics().evictedPages > evictedPages) model.hasLess = true;
    if (missing > 0) return;
    kv.reserve(count);
    copyPages(real);
    for (let position = kv.length; position < kv.length + count; position++) {
      const { page, offset } = kv.locate(position);
      pages[page][offset] = tokens[position];
      written.add(page);
      if (!kv.windows) continue;
      const own = cache.arena.pageCount + kv.windows.pages[Math.floor(position / PAGE_TOKENS)];
      pages[own][offset] = tokens[position];
      written.add(own);
    }
    kv.commit(count);
  }
}

/** Leaves what is computed to the cache; with recurrent layers the state there too. */
class Donate extends OfOne {
  apply({ key, kv, tokens }: Live, model: Model, { cache }: Real): void {
    const isPartial = this.amount % 2 === 0;
    cache.donate(key, tokens, kv, { partial: isPartial });
    const length = isPartial ? kv.length : kv.length - (kv.length % PAGE_TOKENS);
    model.given.set(key, [...(model.given.get(key) ?? []), tokens.slice(0, length)]);
    if (cache.stateBytes === 0 || !isPartial || length === 0) return;
    const bytes = new Uint8Array(STATE_BYTES);
    new DataView(bytes.buffer).setInt32(0, hashOf(tokens, length));
    cache.keepState(key, tokens, { position: length, bytes });
  }
}

/** Gives back what slid out of the window, as after each step. */
class Slide extends OfOne {
  apply({ key, kv, tokens }: Live, model: Model, { cache }: Real): void {
    if (kv.windows?.canSlide(kv.length) !== true) return;
    cache.slide(key, () => tokens, kv);
    model.given.set(key, [...(model.given.get(key) ?? []), tokens.slice(0, kv.length - (kv.length % PAGE_TOKENS))]);
    expect(kv.windows.pages.filter((page) => page >= 0).length).toBeLessThanOrEqual(
      Math.ceil((WINDOW - 1) / PAGE_TOKENS) + 1,
    );
  }
}

class Fork extends OfOne {
  apply({ key, kv, tokens }: Live, model: Model, { live }: Real): void {
    model.hasLess = true;
    const other = Uint32Array.from({ length: 40 }, (_, i) => (i < kv.length ? tokens[i] : 500 + this.amount + i));
    live.push({ key, tokens: other, kv: kv.fork() });
  }
}

class Truncate extends OfOne {
  apply({ kv }: Live): void {
    const length = Math.min(kv.length, this.amount);
    // To where pages slid out of the window nobody goes back.
    if (kv.windows?.sees(length) !== false) kv.truncate(length);
  }
}

class Release extends OfOne {
  apply(one: Live, _model: Model, { live }: Real): void {
    one.kv.release();
    live.splice(live.indexOf(one), 1);
  }
}

class Evict implements Command {
  constructor(readonly pages: number) {}
  check = (): boolean => true;
  run(model: Model, real: Real): void {
    const before = real.cache.statistics();
    const freed = real.cache.evict(this.pages);
    if (freed > 0) model.hasLess = true;
    // Of pages that nobody uses it gives as many as are asked for.
    if (freed !== Math.min(this.pages, before.evictablePages))
      expect(freed).toBe(Math.min(this.pages, before.evictablePages));
    check(real);
  }
  toString = (): string => `evict(${this.pages})`;
}

const which = fc.nat(7);
const begin = fc
  .record({
    key: fc.constantFrom('all a', 'all b'),
    length: fc.integer({ min: 1, max: 40 }),
    parts: fc.integer({ min: 0, max: 40 }),
  })
  .map((asked) => new Begin(asked));
const of = <T extends Command>(make: new (which: number, amount: number) => T, most: number) =>
  fc.tuple(which, fc.integer({ min: 1, max: most })).map(([one, amount]) => new make(one, amount));
const commands = fc.commands<Model, Real>(
  [
    begin,
    begin,
    of(Compute, 40),
    of(Compute, 40),
    of(Compute, 6),
    of(Donate, 4),
    of(Donate, 4),
    of(Slide, 1),
    of(Slide, 1),
    of(Fork, 3),
    of(Truncate, 40),
    of(Release, 1),
    of(Release, 1),
    fc.nat(6).map((pages) => new Evict(pages)),
  ],
  { maxCommands: 2 * STEPS, size: 'max' },
);

/** Has all keys begin with some tokens. */
function shareWithAll(real: Real, tokens: Uint32Array): void {
  const { cache } = real;
  const model: Model = { given: new Map(), shared: [], hasLess: false };
  new Begin({ key: 'all', length: tokens.length, parts: tokens.length }).run(model, real);
  new Compute(0, tokens.length).run(model, real);
  new Donate(0, 2).run(model, real);
  expect(cache.share('all', tokens)).toBe(tokens.length);
  new Release(0).run(model, real);
}

describe('KvCache, whatever is asked of it', () => {
  it.each([
    ['with few pages', 24, 0, 0, 0],
    ['with pages for all', 300, 0, 0, 0],
    ['with recurrent layers', 60, STATE_BYTES, 0, 0],
    ['with what all share', 40, 0, 18, 0],
    ['with what all share, and recurrent layers', 60, STATE_BYTES, 18, 0],
    ['with windowed layers', 60, 0, 0, 14],
    ['with what all share, and windowed layers', 40, 0, 18, 14],
  ])(
    '%s: finds what the key was given and nothing else, keeps pages as they were left, and its invariants after each call',
    (_name, pageCount, stateBytes, sharedTokens, windowPages) => {
      fc.assert(
        fc.property(commands, (list) => {
          const cache = new KvCache({
            pageCount,
            pageTokens: PAGE_TOKENS,
            stateBytes,
            stateLimitBytes: 6 * STATE_BYTES,
            ...(windowPages > 0 && { windowed: { pageCount: windowPages, window: WINDOW } }),
          });
          const real: Real = {
            cache,
            pages: Array.from({ length: pageCount + windowPages }, () => new Array<number | undefined>(PAGE_TOKENS)),
            written: new Set(),
            live: [],
          };
          const shared = sharedTokens === 0 ? [] : [tokensOf(sharedTokens, sharedTokens)];
          for (const tokens of shared) shareWithAll(real, tokens);
          const { sharedPages } = cache;
          fc.modelRun(() => ({ model: { given: new Map(), shared, hasLess: false }, real }), list);
          for (const { kv } of real.live.splice(0)) kv.release();
          check(real);
          cache.evict(pageCount);
          expect(cache.arena.freePages).toBe(pageCount - sharedPages);
          // Two pages are held that are seen from the end of what all share.
          if (windowPages > 0)
            expect(cache.windows!.arena.freePages + cache.windows!.arena.evictablePages).toBe(
              windowPages - (sharedPages > 0 ? 2 : 0),
            );
          expect(cache.statistics()).toMatchObject({
            cachedPages: sharedPages,
            sharedPages: Math.ceil(sharedTokens / PAGE_TOKENS),
            states: stateBytes === 0 ? 0 : shared.length,
          });
        }),
        { numRuns: Math.ceil(RUNS / 7) },
      );
    },
  );
});
