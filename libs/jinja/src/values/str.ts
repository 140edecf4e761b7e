/** Names a value that was given to a rendering: the way to it from the variables, such as `messages`, 2, `content`. */
export interface Origin {
  readonly path: readonly (string | number)[];
}

/**
 * Where a half-open range of a string's UTF-16 units came from. `isTemplate`: it is the template's own text, written while a loop was at
 * the item that `origin` names. Otherwise it is text of the value that `origin` names, as it was or filtered.
 */
export interface Run {
  readonly start: number;
  readonly end: number;
  readonly origin: Origin;
  readonly isTemplate: boolean;
}

const NO_RUNS: readonly Run[] = [];
const SURROGATE = /[\ud800-\udfff]/;

/**
 * A string of Python: its text, and which stretches of it did not come from the template. Invariant: runs are in order, do not overlap,
 * are not empty and lie inside the text. Text outside all runs is the template's own.
 *
 * Strings are immutable. Whatever makes a string from others does so by `slice`, `join` and `replaceEach`: they keep the runs right, and
 * so does all that is built on them.
 */
export class Str {
  private pairs: boolean | undefined;
  private points: number | undefined;
  private known: readonly Run[] | undefined;
  /** What it was joined of, until its runs are asked for: a text that grows piece by piece would copy all of them at each. */
  private parts: readonly Str[] | undefined;

  /** @param runs or the strings that it was joined of */
  constructor(
    readonly text: string,
    runs: readonly Run[] | { readonly joined: readonly Str[] } = NO_RUNS,
    /** Python's Markup: text that was marked as safe HTML. */
    readonly isMarkup = false,
  ) {
    if ('joined' in runs) this.parts = runs.joined;
    else this.known = runs;
  }

  get runs(): readonly Run[] {
    this.known ??= runsOf(this.parts ?? []);
    this.parts = undefined;
    return this.known;
  }

  /** What it was joined of, while its runs are not known. */
  get pendingParts(): readonly Str[] | undefined {
    return this.parts;
  }

  get typeName(): string {
    return this.isMarkup ? 'Markup' : 'str';
  }

  /** Text of a value that was given to the rendering. */
  static from(text: string, origin: Origin | undefined): Str {
    return origin === undefined || text.length === 0
      ? new Str(text)
      : new Str(text, [{ start: 0, end: text.length, origin, isTemplate: false }]);
  }

  static join(parts: readonly Str[]): Str {
    if (parts.length === 1) return parts[0].plain();
    let text = '';
    let hasRuns = false;
    for (const part of parts) {
      text += part.text;
      hasRuns ||= part.parts !== undefined || part.runs.length > 0;
    }
    return new Str(text, hasRuns ? { joined: [...parts] } : NO_RUNS);
  }

  /** So many of it, one behind the other. */
  repeat(count: number): Str {
    const [run] = this.runs;
    if (run === undefined || count === 0) return new Str(this.text.repeat(count), NO_RUNS, this.isMarkup);
    if (this.isOfOne)
      return new Str(this.text.repeat(count), [{ ...run, end: this.text.length * count }], this.isMarkup);
    return Str.join(Array.from({ length: count }, () => this)).as(this.isMarkup);
  }

  /** With another text wherever `old` stands; undefined where that takes more than a look at each place. */
  replacedAll(old: string, next: Str): Str | undefined {
    const [run] = this.runs;
    if (next.runs.length > 0 || (run !== undefined && !this.isOfOne)) return undefined;
    const pieces = this.text.split(old);
    const runs: Run[] = [];
    let start = 0;
    for (const { length } of run === undefined ? [] : pieces) {
      if (length > 0) addRun(runs, { ...run, start, end: start + length });
      start += length + next.text.length;
    }
    return new Str(pieces.join(next.text), runs);
  }

  /** Whether all of it is one run. */
  private get isOfOne(): boolean {
    return this.runs.length === 1 && this.runs[0].start === 0 && this.runs[0].end === this.text.length;
  }

  /** The units from start to end (half-open, inside the text). */
  slice(start: number, end = this.text.length): Str {
    if (start === 0 && end === this.text.length) return this;
    const text = this.text.slice(start, end);
    if (this.runs.length === 0) return new Str(text, NO_RUNS, this.isMarkup);
    const runs: Run[] = [];
    for (let i = firstEndingBehind(this.runs, start); i < this.runs.length; i++) {
      const run = this.runs[i];
      if (run.start >= end) break;
      runs.push({ ...run, start: Math.max(run.start, start) - start, end: Math.min(run.end, end) - start });
    }
    return new Str(text, runs, this.isMarkup);
  }

  /** Replaces each match; what replaces it has the origin of the first of its units that has one, unless a Str is given. */
  replaceEach(pattern: RegExp, replacement: (match: string) => string | Str): Str {
    const { text } = this;
    const whole = this.replacedWhole(pattern, replacement);
    if (whole !== undefined) return whole;
    const parts: Str[] = [];
    let position = 0;
    for (const match of text.matchAll(pattern)) {
      const replaced = replacement(match[0]);
      const end = match.index + match[0].length;
      parts.push(
        this.slice(position, match.index),
        typeof replaced === 'string' ? this.slice(match.index, end).withText(replaced) : replaced,
      );
      position = end;
    }
    if (parts.length === 0) return this;
    parts.push(this.slice(position));
    return Str.join(parts).as(this.isMarkup);
  }

  /** The same in one go, for text of one origin and replacements without any; else undefined. */
  private replacedWhole(pattern: RegExp, replacement: (match: string) => string | Str): Str | undefined {
    const [run] = this.runs;
    if (run !== undefined && !this.isOfOne) return undefined;
    let isPlain = true;
    const text = this.text.replace(pattern, (match) => {
      const replaced = replacement(match);
      isPlain &&= typeof replaced === 'string';
      return typeof replaced === 'string' ? replaced : '';
    });
    if (!isPlain) return undefined;
    return new Str(
      text,
      run === undefined || text.length === 0 ? NO_RUNS : [{ ...run, end: text.length }],
      this.isMarkup,
    );
  }

  /** Each stretch of one origin rewritten on its own: for changes of letters. */
  mapText(map: (text: string) => string): Str {
    if (this.runs.length === 0) return new Str(map(this.text), NO_RUNS, this.isMarkup);
    const whole = map(this.text);
    // Same length: letters were exchanged one for one, and the runs stay.
    if (whole.length === this.text.length) return new Str(whole, this.runs, this.isMarkup);
    return Str.join(this.stretches().map((part) => part.withText(map(part.text)))).as(this.isMarkup);
  }

  /** Other text with the origin of this one's first unit that has one. */
  withText(text: string): Str {
    const run = this.runs[0];
    return run === undefined || text.length === 0
      ? new Str(text)
      : new Str(text, [{ ...run, start: 0, end: text.length }]);
  }

  /** The same as str (false) or as Markup (true). */
  as(isMarkup: boolean): Str {
    return this.isMarkup === isMarkup ? this : new Str(this.text, this.runs, isMarkup);
  }

  plain(): Str {
    return this.as(false);
  }

  /** The string cut where its origin changes. */
  stretches(): Str[] {
    const parts: Str[] = [];
    let position = 0;
    for (const { start, end } of this.runs) {
      if (start > position) parts.push(this.slice(position, start));
      parts.push(this.slice(start, end));
      position = end;
    }
    if (position < this.text.length) parts.push(this.slice(position));
    return parts;
  }

  /** The same text, in which all that has no origin yet was written by the template about `owner`. */
  ownedBy(owner: Origin): Str {
    const { text } = this;
    if (text.length === 0) return this;
    const runs: Run[] = [];
    let position = 0;
    for (const run of this.runs) {
      if (run.start > position) addRun(runs, { start: position, end: run.start, origin: owner, isTemplate: true });
      addRun(runs, run);
      position = run.end;
    }
    if (position < text.length) addRun(runs, { start: position, end: text.length, origin: owner, isTemplate: true });
    return new Str(text, runs, this.isMarkup);
  }

  /** Python counts code points, JavaScript UTF-16 units; they differ where there are surrogate pairs. */
  get hasPairs(): boolean {
    return (this.pairs ??= SURROGATE.test(this.text));
  }

  /** Length in code points. */
  get length(): number {
    return (this.points ??= this.hasPairs ? this.codePointOf(this.text.length) : this.text.length);
  }

  /** The characters (code points) as strings of their own. */
  chars(): Str[] {
    return [...this.eachChar()];
  }

  /** The same, one after another. */
  *eachChar(): Generator<Str, void, undefined> {
    const { text, runs } = this;
    let first = 0;
    for (let at = 0; at < text.length; ) {
      const size = this.hasPairs && (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
      while (first < runs.length && runs[first].end <= at) first++;
      const run = runs[first];
      const isOne = run !== undefined && run.start <= at && run.end >= at + size;
      // A character is of one origin, but for a pair that was put together from halves.
      if (run === undefined || run.start >= at + size) yield new Str(text.slice(at, at + size), NO_RUNS, this.isMarkup);
      else
        yield isOne
          ? new Str(text.slice(at, at + size), [{ ...run, start: 0, end: size }], this.isMarkup)
          : this.slice(at, at + size);
      at += size;
    }
  }

  /** The offset in units of a code point, for 0 to length. */
  unitOf(codePoint: number): number {
    if (!this.hasPairs) return codePoint;
    let unit = 0;
    for (let n = 0; n < codePoint; n++) unit += (this.text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
    return unit;
  }

  /** The code points before an offset in units. */
  codePointOf(unit: number): number {
    if (!this.hasPairs) return unit;
    let count = 0;
    for (let at = 0; at < unit; count++) at += (this.text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
    return count;
  }
}

/** The runs of strings that are joined, of which some may have been joined themselves: as deep as a text has grown. */
function runsOf(parts: readonly Str[]): Run[] {
  const runs: Run[] = [];
  let offset = 0;
  const waiting: Str[] = [...parts].reverse();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const inner = next.pendingParts;
    if (inner !== undefined) {
      for (let i = inner.length - 1; i >= 0; i--) waiting.push(inner[i]);
      continue;
    }
    for (const run of next.runs) addRun(runs, { ...run, start: run.start + offset, end: run.end + offset });
    offset += next.text.length;
  }
  return runs;
}

/** Appends a run, or lengthens the last one if it goes on. */
function addRun(runs: Run[], run: Run): void {
  const last = runs.at(-1);
  if (last !== undefined && last.end === run.start && last.origin === run.origin && last.isTemplate === run.isTemplate)
    runs[runs.length - 1] = { ...last, end: run.end };
  else runs.push(run);
}

/** The first run that ends behind a place. */
function firstEndingBehind(runs: readonly Run[], place: number): number {
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runs[middle].end <= place) low = middle + 1;
    else high = middle;
  }
  return low;
}
