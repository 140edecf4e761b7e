import {
  ARGUMENT_NAME,
  TOOL_CALL_FORMATS,
  type CallFormat,
  type LiteralBody,
  type Marker,
  type NamedJsonBody,
  type TaggedBody,
} from '@starling/grammar';
import { edgesOf } from './call-edges.js';
import type { CallSink } from './call-sink.js';
import type { Feed, Reading } from './feed.js';
import { literalOf, readLiteral } from './literal.js';
import { acceptMarker, isBlank, isMarkerNext, triggerOf } from './marker.js';
import { nestedValue } from './nested-tags.js';
import { readJsonCall, streamJson } from './read-json.js';

/** `none`: the text is no call, nothing was read; `cut`: a call began and did not end as it should. */
export type CallsRead = 'calls' | 'cut' | 'none';

const NAME = /[\w.\-/]/;
/** Names of arguments that stand without quotes. */
const BARE_KEY = /[^\s<>"'=:,(){}[\]|\\]/;
const BARE_NAME = /^[\w.-]*$/;
/** Where the id holds the name. */
const NAME_IN_ID = /[\w.\-/:]/;
/** Names of tools have 64 characters in the APIs in use. */
const MAX_NAME = 256;
/** Names of arguments, up to the tag that ends them. */
const MAX_KEY = 1024;

/** Reads a section of calls, which comes next. */
export function* readCalls(feed: Feed, format: CallFormat, sink: CallSink): Reading<CallsRead> {
  const start = feed.at;
  const { starts, ends, sectionEnds } = edgesOf(format);
  // An opener that the model left out is no reason to lose the call that follows.
  const hasSection = yield* acceptMarker(feed, format.sectionStart);
  const isArray = format.body.kind === 'json' && format.body.isArray;
  yield* feed.skipSpace();
  const hasBracket = isArray && (yield* feed.accept('['));
  for (let count = 0; ; count++) {
    const before = feed.at;
    const hasStart = yield* acceptAny(feed, starts);
    let read = hasStart || hasSection ? yield* readOne(feed, format, sink) : 'none';
    if (read === 'none') read = yield* readForeign(feed, format, before, sink);
    if (read === 'none') {
      feed.at = count === 0 ? start : before;
      if (count === 0) return 'none';
      break;
    }
    if (read === 'cut') return 'cut';
    while (yield* acceptAny(feed, ends));
    yield* acceptMarker(feed, format.separator);
    if (isArray) {
      yield* feed.skipSpace();
      yield* feed.accept(',');
    }
    if (!(yield* hasAnother(feed, format, isArray))) break;
  }
  if (hasBracket) {
    yield* feed.skipSpace();
    yield* feed.accept(']');
  }
  yield* acceptAny(feed, sectionEnds);
  return 'calls';
}

function* acceptAny(feed: Feed, markers: readonly Marker[]): Reading<boolean> {
  for (const marker of markers)
    if ((yield* isMarkerNext(feed, marker)) && (yield* acceptMarker(feed, marker))) return true;
  return false;
}

function* hasAnother(feed: Feed, { callStart, body }: CallFormat, isArray: boolean): Reading<boolean> {
  if (!isBlank(callStart)) return yield* isMarkerNext(feed, callStart);
  yield* feed.skipSpace();
  const next = yield* feed.peek();
  return body.kind === 'json' ? next === '{' : !isArray && NAME.test(next);
}

/** Between the tags of their own way, models also write calls as JSON, as most others do. */
function* readForeign(
  feed: Feed,
  { callStart, body }: CallFormat,
  from: number,
  sink: CallSink,
): Reading<'call' | 'cut' | 'none'> {
  const tag = /^\s*(<[^<>\s]*>)/.exec(callStart)?.[1];
  if (body.kind === 'json' || tag === undefined) return 'none';
  feed.at = from;
  return (yield* acceptMarker(feed, tag)) ? yield* readJsonCall(feed, COMMON_JSON, sink) : 'none';
}

const COMMON_JSON = TOOL_CALL_FORMATS.hermes.body;

function* readOne(feed: Feed, format: CallFormat, sink: CallSink): Reading<'call' | 'cut' | 'none'> {
  const { body } = format;
  if (body.kind === 'json') return yield* readJsonCall(feed, body, sink);
  if (body.kind === 'named-json') return yield* readNamedJson(feed, format, body, sink);
  yield* feed.skipSpace();
  const name = sink.toolOf(yield* feed.run(NAME, MAX_NAME));
  if (name === undefined || !(yield* acceptMarker(feed, body.nameEnd))) return 'none';
  sink.begin(name);
  return body.kind === 'tagged'
    ? yield* readTagged(feed, name, format, body, sink)
    : yield* readLiterals(feed, format, body, sink);
}

function* readNamedJson(
  feed: Feed,
  format: CallFormat,
  body: NamedJsonBody,
  sink: CallSink,
): Reading<'call' | 'cut' | 'none'> {
  const place = body.id?.place;
  yield* feed.skipSpace();
  let id: string | undefined;
  if (body.id?.place === 'before') {
    id = yield* feed.run(NAME, MAX_NAME);
    if (!(yield* acceptMarker(feed, body.id.marker))) return 'none';
    yield* feed.skipSpace();
  }
  const text = yield* feed.run(place === 'around' ? NAME_IN_ID : NAME, MAX_NAME);
  const name = place === 'around' ? sink.toolOfId(text) : sink.toolOf(text);
  if (name === undefined) return 'none';
  if (place === 'around' && text !== name) id = text;
  if (body.id?.place === 'behind' && (yield* acceptMarker(feed, body.id.marker))) {
    yield* feed.skipSpace();
    id = yield* feed.run(NAME, MAX_NAME);
  }
  if (!(yield* acceptMarker(feed, body.nameEnd))) return 'none';
  yield* feed.skipSpace();
  if (yield* isMarkerNext(feed, format.callEnd)) {
    // Nothing at all, for a tool without arguments.
    sink.begin(name, id);
    sink.add('{}');
    return 'call';
  }
  if ((yield* feed.peek()) !== '{') return 'none';
  sink.begin(name, id);
  return (yield* streamJson(feed, (piece) => sink.add(piece))) ? 'call' : 'cut';
}

/** Arguments between tags become members of a JSON object, each when its end tag has come. */
function* readTagged(
  feed: Feed,
  name: string,
  format: CallFormat,
  body: TaggedBody,
  sink: CallSink,
): Reading<'call' | 'cut'> {
  sink.add('{');
  const { ends } = edgesOf(format);
  const valueEndOf = (key: string): Marker => body.valueEnd.replaceAll(ARGUMENT_NAME, key);
  for (let count = 0; !(yield* isAnyNext(feed, ends)) && (yield* acceptMarker(feed, body.argumentStart)); count++) {
    const key = yield* readUntil(feed, [body.valueStart.before], MAX_KEY);
    if (key === undefined) return cutInKey(feed);
    yield* acceptMarker(feed, body.valueStart.before);
    const { words } = body.valueStart;
    const word = words && (yield* feed.run(NAME, MAX_NAME));
    if (!(yield* acceptMarker(feed, body.valueStart.after))) return 'cut';
    const types = words === undefined ? sink.typesOf(name, key) : word === words.string ? ['string'] : ['other'];
    const quoted = body.valueQuotes && (yield* feed.accept(body.valueQuotes[0])) ? body.valueQuotes[1] : undefined;
    const raw = yield* readValue(
      feed,
      format,
      quoted === undefined ? valueEndOf(key) : `${quoted}${valueEndOf(key).trimStart()}`,
      body,
    );
    if (raw === undefined) {
      const isText = quoted !== undefined || (types?.every((type) => type === 'string') ?? true);
      sink.add(
        `${count > 0 ? ', ' : ''}${JSON.stringify(key)}: ${partOf(unpadded(restOf(feed), body.valuePadding), isText)}`,
      );
      return 'cut';
    }
    const nested =
      body.valueEnd.includes(ARGUMENT_NAME) && types?.[0] !== 'string'
        ? nestedValue(raw, body.argumentStart.trim(), types?.[0])
        : undefined;
    const value =
      nested ?? (quoted === undefined ? valueOf(unpadded(raw, body.valuePadding), types) : JSON.stringify(raw));
    sink.add(`${count > 0 ? ', ' : ''}${JSON.stringify(key)}: ${value}`);
  }
  sink.add('}');
  return (yield* isAnyNext(feed, edgesOf(format).ends)) || feed.isFinal || isBlank(format.callEnd) ? 'call' : 'cut';
}

/** Text up to the end tag that is followed by what may follow: an end tag inside of a value is a part of it. */
function* readValue(
  feed: Feed,
  format: CallFormat,
  valueEnd: Marker,
  { argumentStart }: TaggedBody,
): Reading<string | undefined> {
  const start = feed.at;
  for (;;) {
    const part = yield* readUntil(feed, [valueEnd], Infinity);
    if (part === undefined) return undefined;
    const end = feed.at;
    do yield* acceptMarker(feed, valueEnd);
    while (yield* isMarkerNext(feed, valueEnd));
    const isEnd =
      (yield* isMarkerNext(feed, argumentStart)) ||
      (yield* isAnyNext(feed, edgesOf(format).ends)) ||
      (yield* isAtEnd(feed));
    if (isEnd) return feed.text.slice(start, end);
    feed.at = end + 1;
  }
}

/** What is left of an answer that was cut inside of a value. */
function restOf(feed: Feed): string {
  const rest = feed.text.slice(feed.at);
  feed.at = feed.text.length;
  return rest;
}

/** The beginning of a value's JSON text. */
function partOf(text: string, isText: boolean): string {
  return isText ? JSON.stringify(text).slice(0, -1) : text;
}

/** A part of a name that the answer was cut in is nobody's; other text is content. */
function cutInKey(feed: Feed): 'cut' {
  if (BARE_NAME.test(feed.text.slice(feed.at))) feed.at = feed.text.length;
  return 'cut';
}

function* isAnyNext(feed: Feed, markers: readonly Marker[]): Reading<boolean> {
  for (const marker of markers) if (yield* isMarkerNext(feed, marker)) return true;
  return false;
}

function* isAtEnd(feed: Feed): Reading<boolean> {
  const start = feed.at;
  yield* feed.skipSpace();
  const isEnd = (yield* feed.peek()) === '';
  feed.at = start;
  return isEnd;
}

/** Text before the first of some markers, which stays unread. Undefined: none came. */
function* readUntil(feed: Feed, markers: readonly Marker[], limit: number): Reading<string | undefined> {
  const start = feed.at;
  const triggers = markers.map(triggerOf);
  for (let from = start; ; ) {
    const found = Math.min(...triggers.map((trigger) => indexFrom(feed.text, trigger, from)));
    if (found - start > limit && found < Infinity) return undefined;
    if (found < Infinity) {
      feed.at = found;
      for (const marker of markers) if (yield* isMarkerNext(feed, marker)) return feed.text.slice(start, found);
      from = found + 1;
      continue;
    }
    const longest = Math.max(...triggers.map((trigger) => trigger?.length ?? 1));
    if (feed.isFinal || feed.text.length - start > limit + longest) return undefined;
    from = Math.max(start, feed.text.length - longest);
    yield;
  }
}

function indexFrom(text: string, part: string | undefined, from: number): number {
  const found = part === undefined ? -1 : text.indexOf(part, from);
  return found < 0 ? Infinity : found;
}

function unpadded(raw: string, [before, after]: readonly [string, string]): string {
  const start = before !== '' && raw.startsWith(before) ? before.length : 0;
  const end =
    after !== '' && raw.length - start >= after.length && raw.endsWith(after) ? raw.length - after.length : raw.length;
  return raw.slice(start, end);
}

/** JSON text of a value that was written without quotes: what the tool's schema says it is; of several types the first that it can be. */
function valueOf(raw: string, types: readonly string[] | undefined): string {
  const isText = types !== undefined && types.every((type) => type === 'string');
  const literal = isText ? undefined : literalOf(raw);
  if (literal === undefined || (literal.startsWith('"') && types?.includes('string') !== false))
    return JSON.stringify(raw);
  return literal;
}

/** Arguments of a call as Python writes it. */
function* readLiterals(feed: Feed, format: CallFormat, body: LiteralBody, sink: CallSink): Reading<'call' | 'cut'> {
  sink.add('{');
  for (let count = 0; ; count++) {
    yield* feed.skipSpace();
    if (yield* isMarkerNext(feed, format.callEnd)) break;
    if (count > 0 && !(yield* acceptMarker(feed, body.argumentSeparator))) return 'cut';
    yield* feed.skipSpace();
    const key = yield* readUntil(feed, [body.keyEnd], MAX_KEY);
    if (key === undefined) return cutInKey(feed);
    yield* acceptMarker(feed, body.keyEnd);
    yield* feed.skipSpace();
    const valueAt = feed.at;
    const value =
      body.isVerbatim && (yield* feed.accept(body.quote))
        ? yield* readVerbatim(feed, format, body)
        : yield* readLiteral(feed, isPlainQuote(body.quote) ? '' : body.quote);
    const before = `${count > 0 ? ', ' : ''}${JSON.stringify(unquoted(key.trim()))}: `;
    if (value === undefined) {
      if (feed.at >= feed.text.length || body.isVerbatim) {
        feed.at = valueAt;
        const quote = [body.quote, '"', "'"].find((one) => feed.text.startsWith(one, valueAt));
        feed.at += quote?.length ?? 0;
        sink.add(before + partOf(restOf(feed), quote !== undefined));
      }
      return 'cut';
    }
    sink.add(before + value);
  }
  sink.add('}');
  return 'call';
}

/** Names of arguments that stand without quotes in the template are written with those of JSON too. */
function unquoted(key: string): string {
  return /^(["'])(.+)\1$/s.exec(key)?.[2] ?? key;
}

/** The quotes of JSON and Python: inside of other values they are read as there. */
function isPlainQuote(quote: string): boolean {
  return quote === '"' || quote === "'";
}

/** A string whose own quotes are not escaped: it ends at the quote that another argument or the end of the call follows. */
function* readVerbatim(
  feed: Feed,
  { callEnd }: CallFormat,
  { quote, argumentSeparator, keyEnd }: LiteralBody,
): Reading<string | undefined> {
  const start = feed.at;
  for (;;) {
    const text = yield* readUntil(feed, [quote], Infinity);
    if (text === undefined) return undefined;
    const end = feed.at;
    feed.at += quote.length;
    if ((yield* isMarkerNext(feed, callEnd)) || (yield* isKeyNext(feed, argumentSeparator, keyEnd)))
      return JSON.stringify(feed.text.slice(start, end));
    feed.at = end + 1;
  }
}

function* isKeyNext(feed: Feed, separator: Marker, keyEnd: Marker): Reading<boolean> {
  const start = feed.at;
  let isNext = yield* acceptMarker(feed, separator);
  if (isNext) {
    yield* feed.skipSpace();
    isNext = (yield* feed.run(BARE_KEY, MAX_KEY)) !== '' && (yield* acceptMarker(feed, keyEnd));
  }
  feed.at = start;
  return isNext;
}
