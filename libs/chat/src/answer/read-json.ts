import type { JsonBody } from '@starling/grammar';
import type { CallSink } from './call-sink.js';
import type { Feed, Reading } from './feed.js';
import { readQuoted } from './literal.js';

/** Brackets inside brackets of arguments. */
const MAX_DEPTH = 512;
const OPEN = /[{[]/;
const CLOSE = /[}\]]/;

/**
 * Reads one JSON value and hands its text on as it comes. False: it ended early, or is no JSON.
 * @param emit pieces of the text, which together are the value as it was written
 */
export function* streamJson(feed: Feed, emit: (text: string) => void): Reading<boolean> {
  const begin = feed.at;
  let start = begin;
  let depth = 0;
  let isString = false;
  const flush = (): void => {
    if (feed.at > start) emit(feed.text.slice(start, feed.at));
    start = feed.at;
  };
  for (;;) {
    if (feed.at >= feed.text.length) flush();
    const next = yield* feed.peek();
    if (next === '') return false;
    if (isString) {
      if (next < ' ') {
        // Models write new lines into strings as they are; JSON does not have them.
        flush();
        emit(JSON.stringify(next).slice(1, -1));
        start = ++feed.at;
        continue;
      }
      feed.at++;
      if (next === '\\') {
        if ((yield* feed.peek()) !== '') feed.at++;
      } else if (next === '"') isString = false;
    } else if (depth === 0 && feed.at > begin && /[\s,}\]]/.test(next)) {
      break;
    } else {
      if (next === '"') isString = true;
      else if (OPEN.test(next)) depth++;
      else if (CLOSE.test(next)) depth--;
      if (depth < 0 || depth > MAX_DEPTH) return false;
      feed.at++;
    }
    if (depth === 0 && !isString && (CLOSE.test(next) || next === '"')) break;
  }
  flush();
  return true;
}

/**
 * Reads `{"name": ..., "arguments": {...}}` in any order of fields. `none`: it is no call (nothing was handed on); `cut`: it is one that ended early.
 */
export function* readJsonCall(feed: Feed, body: JsonBody, sink: CallSink): Reading<'call' | 'cut' | 'none'> {
  yield* feed.skipSpace();
  if (!(yield* feed.accept('{'))) return 'none';
  const { nameKey, argumentsKey, idKey } = keysOf(body);
  // An id that is written behind the arguments must be known when the call is shown: its arguments wait.
  const waitsForId = idKey !== undefined;
  let name: string | undefined;
  let id: string | undefined;
  let held: string | undefined;
  let hasBegun = false;
  const begin = (): boolean => {
    if (name === undefined) return false;
    if (!hasBegun) sink.begin(name, id);
    hasBegun = true;
    return true;
  };
  const lost = (): 'cut' | 'none' => {
    if (!hasBegun && (held === undefined || !begin())) return 'none';
    if (held !== undefined) sink.add(held);
    return 'cut';
  };
  for (let count = 0; ; count++) {
    yield* feed.skipSpace();
    if (yield* feed.accept('}')) break;
    if (count > 0 && !(yield* feed.accept(','))) return lost();
    yield* feed.skipSpace();
    const key = yield* readString(feed);
    yield* feed.skipSpace();
    if (key === undefined || !(yield* feed.accept(':'))) return lost();
    yield* feed.skipSpace();
    if (key === nameKey || (nameKey !== undefined && key === 'name')) {
      name = sink.toolOf((yield* readString(feed)) ?? '');
      if (name === undefined) return 'none';
    } else if (key === 'function' && !hasBegun && (yield* feed.peek()) === '{') {
      // The whole of OpenAI's shape: the call is in it.
      const read = yield* readJsonCall(feed, body, sink);
      if (read !== 'call') return read;
      return (yield* skipRest(feed)) ? 'call' : 'cut';
    } else if (key === idKey) {
      id = yield* readId(feed);
    } else if (nameKey === undefined && name === undefined) {
      name = sink.toolOf(key);
      if (name === undefined || !(yield* areArgumentsNext(feed))) return 'none';
      begin();
      if (!(yield* readArguments(feed, (text) => sink.add(text)))) return 'cut';
    } else if (isArgumentsKey(key, argumentsKey)) {
      if (!(yield* areArgumentsNext(feed))) return lost();
      if (name !== undefined && !waitsForId) {
        begin();
        if (!(yield* readArguments(feed, (text) => sink.add(text)))) return 'cut';
        held = '';
      } else {
        held = '';
        if (!(yield* readArguments(feed, (text) => (held += text)))) return lost();
      }
    } else if (!(yield* streamJson(feed, () => undefined))) return lost();
  }
  const isNew = !hasBegun;
  if (!begin()) return 'none';
  if (isNew) sink.add(held === undefined || held === '' ? '{}' : held);
  else if (nameKey !== undefined && held === undefined) sink.add('{}');
  return 'call';
}

/** Reads further fields of an object, and its end. */
function* skipRest(feed: Feed): Reading<boolean> {
  for (;;) {
    yield* feed.skipSpace();
    if (yield* feed.accept('}')) return true;
    if (!(yield* feed.accept(','))) return false;
    yield* feed.skipSpace();
    if ((yield* readString(feed)) === undefined) return false;
    yield* feed.skipSpace();
    if (!(yield* feed.accept(':'))) return false;
    yield* feed.skipSpace();
    if (!(yield* streamJson(feed, () => undefined))) return false;
  }
}

/** The keys by what they hold. */
function keysOf({ fields }: JsonBody): {
  readonly nameKey?: string;
  readonly argumentsKey?: string;
  readonly idKey?: string;
} {
  const keyOf = (what: 'name' | 'arguments' | 'id'): string | undefined =>
    fields.find(({ holds }) => holds === what)?.key;
  return { nameKey: keyOf('name'), argumentsKey: keyOf('arguments'), idKey: keyOf('id') };
}

/** Models mix up the two words that are in use for arguments. */
function isArgumentsKey(key: string, own: string | undefined): boolean {
  return key === own || key === 'arguments' || key === 'parameters';
}

/** Arguments: an object, its JSON text in a string, or `null` where there are none. */
function* areArgumentsNext(feed: Feed): Reading<boolean> {
  const next = yield* feed.peek();
  return next === '{' || next === '"' || (yield* feed.startsWith('null'));
}

function* readArguments(feed: Feed, emit: (text: string) => void): Reading<boolean> {
  const next = yield* feed.peek();
  if (next === '{') return yield* streamJson(feed, emit);
  if (yield* feed.accept('null')) {
    emit('{}');
    return true;
  }
  const text = yield* readString(feed);
  if (text !== undefined) emit(text);
  return text !== undefined;
}

function* readString(feed: Feed): Reading<string | undefined> {
  if ((yield* feed.peek()) !== '"') return undefined;
  const json = yield* readQuoted(feed);
  return json === undefined ? undefined : (JSON.parse(json) as string);
}

function* readId(feed: Feed): Reading<string | undefined> {
  if ((yield* feed.peek()) === '"') return yield* readString(feed);
  let text = '';
  yield* streamJson(feed, (piece) => (text += piece));
  return text === 'null' || text === '' ? undefined : text;
}
