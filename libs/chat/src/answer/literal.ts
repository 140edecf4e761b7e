import { Feed, type Reading } from './feed.js';

/** Values inside values: deeper ones are not read as values. */
const MAX_DEPTH = 64;
const CONSTANTS: Readonly<Record<string, string>> = {
  true: 'true',
  True: 'true',
  false: 'false',
  False: 'false',
  null: 'null',
  None: 'null',
};
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '\n': '' };

/**
 * Reads a value as JSON or Python writes it, and gives it as JSON text, so that numbers keep their digits.
 * Undefined: it is no value; the feed is somewhere inside it then.
 * @param quote a further quote, in which nothing is escaped
 */
export function* readLiteral(feed: Feed, quote = '', depth = 0): Reading<string | undefined> {
  yield* feed.skipSpace();
  if (depth > MAX_DEPTH) return undefined;
  if (quote !== '' && (yield* feed.accept(quote))) return yield* readVerbatim(feed, quote);
  const next = yield* feed.peek();
  if (next === '"' || next === "'") return yield* readQuoted(feed);
  if (next === '[' || next === '(') return yield* readList(feed, quote, depth);
  if (next === '{') return yield* readDict(feed, quote, depth);
  const word = yield* feed.run(/[\w.+-]/, 400);
  if (Object.hasOwn(CONSTANTS, word)) return CONSTANTS[word];
  return NUMBER.test(word) ? word : undefined;
}

/** A whole text as a value, as JSON text. Undefined if it is none. */
export function literalOf(text: string): string | undefined {
  const feed = new Feed();
  feed.push(text);
  feed.isFinal = true;
  const value = settle(readLiteral(feed));
  if (value === undefined || text.slice(feed.at).trim() !== '') return undefined;
  return value;
}

function settle<T>(reading: Reading<T>): T {
  for (;;) {
    const step = reading.next();
    if (step.done) return step.value;
  }
}

function* readVerbatim(feed: Feed, quote: string): Reading<string | undefined> {
  const start = feed.at;
  while (!(yield* feed.startsWith(quote))) {
    if ((yield* feed.peek()) === '') return undefined;
    feed.at++;
  }
  const text = feed.text.slice(start, feed.at);
  feed.at += quote.length;
  return JSON.stringify(text);
}

/** A string in the quotes that come next, with the escapes of JSON and of Python. */
export function* readQuoted(feed: Feed): Reading<string | undefined> {
  const quote = yield* feed.peek();
  feed.at++;
  let text = '';
  for (;;) {
    const next = yield* feed.peek();
    feed.at++;
    if (next === '') return undefined;
    if (next === quote) return JSON.stringify(text);
    if (next !== '\\') {
      text += next;
      continue;
    }
    const escape = yield* feed.peek();
    feed.at++;
    const digits = escape === 'u' ? 4 : escape === 'x' ? 2 : escape === 'U' ? 8 : 0;
    if (digits === 0) {
      text += ESCAPES[escape] ?? escape;
      continue;
    }
    const hex = yield* feed.run(/[\da-fA-F]/, digits);
    const code = Number.parseInt(hex, 16);
    if (hex.length < digits || code > 0x10ffff) return undefined;
    text += digits === 4 ? String.fromCharCode(code) : String.fromCodePoint(code);
  }
}

function* readList(feed: Feed, quote: string, depth: number): Reading<string | undefined> {
  const close = (yield* feed.peek()) === '[' ? ']' : ')';
  feed.at++;
  const items: string[] = [];
  for (;;) {
    yield* feed.skipSpace();
    if (yield* feed.accept(close)) return `[${items.join(', ')}]`;
    if (items.length > 0 && !(yield* feed.accept(','))) return undefined;
    yield* feed.skipSpace();
    if (yield* feed.accept(close)) return `[${items.join(', ')}]`;
    const item = yield* readLiteral(feed, quote, depth + 1);
    if (item === undefined) return undefined;
    items.push(item);
  }
}

function* readDict(feed: Feed, quote: string, depth: number): Reading<string | undefined> {
  feed.at++;
  const members: string[] = [];
  for (;;) {
    yield* feed.skipSpace();
    if (yield* feed.accept('}')) return `{${members.join(', ')}}`;
    if (members.length > 0 && !(yield* feed.accept(','))) return undefined;
    yield* feed.skipSpace();
    if (yield* feed.accept('}')) return `{${members.join(', ')}}`;
    const key = yield* readKey(feed, quote);
    yield* feed.skipSpace();
    if (key === undefined || !(yield* feed.accept(':'))) return undefined;
    const value = yield* readLiteral(feed, quote, depth + 1);
    if (value === undefined) return undefined;
    members.push(`${key}: ${value}`);
  }
}

/** A key: quoted, or bare as some models write it. */
function* readKey(feed: Feed, quote: string): Reading<string | undefined> {
  if (quote !== '' && (yield* feed.accept(quote))) return yield* readVerbatim(feed, quote);
  const next = yield* feed.peek();
  if (next === '"' || next === "'") return yield* readQuoted(feed);
  const word = yield* feed.run(/[^:,{}[\]]/, 400);
  return word.trim() === '' ? undefined : JSON.stringify(word.trim());
}
