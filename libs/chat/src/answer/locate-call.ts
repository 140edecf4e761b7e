import type { CallBody, CallId, JsonBody, JsonField, ValueWords } from '@starling/grammar';
import { commonPrefix, commonSuffix, prefixLength, suffixLength } from './common-text.js';
import { ANY_WORD, ARGUMENT_NAME, TOOL_NAME } from '@starling/grammar';
import { PROBE } from './probe.js';

/** One call inside of a rendered turn. */
export interface LocatedCall {
  /** Text before the call's name, id or JSON, from the header's end. */
  readonly before: string;
  readonly after: string;
  readonly body: CallBody;
}

/** Renders the turn of one call with the given arguments, from the header's end. Undefined: the template refuses it. */
export type RenderCall = (values: Readonly<Record<string, unknown>>) => string | undefined;

const [textKey, numberKey] = PROBE.keys;
const numberText = String(PROBE.number);

/**
 * Finds the parts of a call in a turn.
 * @param id the call's id, if the turn has it
 */
export function locateCall(turn: string, name: string, id: string, render: RenderCall): LocatedCall | undefined {
  return locateJson(turn, name, id) ?? locateNamedJson(turn, name, id) ?? locatePairs(turn, name, render);
}

/** `{"name": "f", "arguments": {...}}` or `{"f": {...}}`. */
function locateJson(turn: string, name: string, id: string): LocatedCall | undefined {
  const at = turn.indexOf(name);
  for (let start = turn.lastIndexOf('{', at); start >= 0; start = start === 0 ? -1 : turn.lastIndexOf('{', start - 1)) {
    const end = jsonEnd(turn, start);
    if (end === undefined || end < at) continue;
    const body = jsonBodyOf(JSON.parse(turn.slice(start, end)) as Readonly<Record<string, unknown>>, name, id);
    if (body) return { before: turn.slice(0, start), after: turn.slice(end), body };
  }
  return undefined;
}

function jsonBodyOf(object: Readonly<Record<string, unknown>>, name: string, id: string): JsonBody | undefined {
  const entries = Object.entries(object);
  const isArguments = (value: unknown): boolean => JSON.stringify(value)?.includes(PROBE.text) === true;
  const argumentsKey = entries.find(([, value]) => isArguments(value))?.[0];
  if (argumentsKey === undefined) return undefined;
  if (argumentsKey === name) return { kind: 'json', fields: [], isArray: false };
  const nameKey = entries.find(([, value]) => value === name)?.[0];
  if (nameKey === undefined) return undefined;
  const idKey = entries.find(([key, value]) => value === id || /(^|_)id$/.test(key))?.[0];
  const fields = entries.map(([key, value]): JsonField => {
    const holds = key === nameKey ? 'name' : key === argumentsKey ? 'arguments' : key === idKey ? 'id' : undefined;
    return holds === undefined ? { key, holds: 'fixed', json: JSON.stringify(value) } : { key, holds };
  });
  return { kind: 'json', fields, isArray: false };
}

/** A name, something, and the arguments as JSON. */
function locateNamedJson(turn: string, name: string, id: string): LocatedCall | undefined {
  const keyAt = turn.indexOf(textKey);
  const at = turn.lastIndexOf(name, keyAt);
  const start = turn.lastIndexOf('{', keyAt);
  const end = start > at && at >= 0 ? jsonEnd(turn, start) : undefined;
  if (end === undefined) return undefined;
  const between = turn.slice(at + name.length, start);
  const before = turn.slice(0, at);
  const { id: place, before: outer, nameEnd } = idOf(before, between, id);
  return {
    before: outer.replaceAll(name, TOOL_NAME),
    after: turn.slice(end),
    body: { kind: 'named-json', nameEnd, ...(place && { id: place }) },
  };
}

function idOf(
  before: string,
  between: string,
  id: string,
): { readonly id?: CallId; readonly before: string; readonly nameEnd: string } {
  const behind = between.indexOf(id);
  if (behind >= 0)
    return {
      id: { place: 'behind', marker: between.slice(0, behind) },
      before,
      nameEnd: between.slice(behind + id.length),
    };
  const first = before.lastIndexOf(id);
  if (first >= 0)
    return {
      id: { place: 'before', marker: before.slice(first + id.length) },
      before: before.slice(0, first),
      nameEnd: between,
    };
  const number = /^:\d+/.exec(between)?.[0];
  const prefix = /[a-z]+\.$/.exec(before)?.[0];
  if (number === undefined || prefix === undefined) return { before, nameEnd: between };
  return {
    id: { place: 'around', prefix },
    before: before.slice(0, -prefix.length),
    nameEnd: between.slice(number.length),
  };
}

/** A name, and each argument with something around its key and its value. */
function locatePairs(turn: string, name: string, render: RenderCall): LocatedCall | undefined {
  const keyAt = turn.indexOf(textKey);
  const at = turn.lastIndexOf(name, keyAt);
  const valueAt = turn.indexOf(PROBE.text, keyAt);
  const nextKeyAt = turn.indexOf(numberKey, valueAt);
  const numberAt = turn.indexOf(numberText, nextKeyAt);
  if ([keyAt, at, valueAt, nextKeyAt, numberAt].includes(-1)) return undefined;
  const pairs: Pairs = {
    before: turn.slice(0, at).replaceAll(name, TOOL_NAME),
    afterName: turn.slice(at + name.length, keyAt),
    toText: turn.slice(keyAt + textKey.length, valueAt),
    between: turn.slice(valueAt + PROBE.text.length, nextKeyAt),
    toNumber: turn.slice(nextKeyAt + numberKey.length, numberAt),
    after: turn.slice(numberAt + numberText.length),
  };
  const { toText, toNumber } = pairs;
  return toText.length > toNumber.length && toText.startsWith(toNumber)
    ? literalPairs(pairs, render)
    : taggedPairs(pairs, name, render);
}

interface Pairs {
  readonly before: string;
  readonly afterName: string;
  readonly toText: string;
  readonly between: string;
  readonly toNumber: string;
  readonly after: string;
}

function literalPairs({ before, afterName, toText, between, toNumber, after }: Pairs, render: RenderCall): LocatedCall {
  const quote = toText.slice(toNumber.length).trim();
  const awkward = `a${quote}b\\c`;
  const isVerbatim = render({ [textKey]: awkward })?.includes(`${quote}${awkward}${quote}`) === true;
  return {
    before,
    after,
    body: {
      kind: 'literal',
      nameEnd: afterName,
      keyEnd: toText.slice(0, -quote.length),
      argumentSeparator: between.trimStart().slice(quote.length),
      quote,
      isVerbatim,
    },
  };
}

function taggedPairs(pairs: Pairs, name: string, render: RenderCall): LocatedCall | undefined {
  const { before, afterName, toText, toNumber } = pairs;
  const between = pairs.between.replaceAll(textKey, ARGUMENT_NAME);
  const after = pairs.after.replaceAll(numberKey, ARGUMENT_NAME);
  const argumentStart = commonSuffix(afterName, between);
  const nameEnd = numbersAsWords(afterName.slice(0, afterName.length - argumentStart.length));
  const valueEnd = between.slice(0, between.length - argumentStart.length);
  const closing = commonPrefix(valueEnd, after);
  if (closing.trim() === '') return undefined;
  const { word, start, end } = wordBetween(toText, toNumber);
  const padding: [string, string] = [/\s*$/.exec(toText)?.[0] ?? '', /^\s*/.exec(valueEnd)?.[0] ?? ''];
  const words = word === '' ? undefined : valueWords(word, start, end, render);
  const quotes = quotesOf(toText, closing, render);
  return {
    before,
    after: after.slice(closing.length),
    body: {
      kind: 'tagged',
      nameEnd: endOfName(nameEnd, name, render),
      argumentStart,
      valueStart: words ? { before: start, after: end, words } : { before: toText, after: '' },
      valueEnd: closing,
      valuePadding: padding,
      ...(quotes && { valueQuotes: quotes }),
    },
  };
}

/** The word that differs between two texts, taken whole: `true` and `false` end alike. Empty: they are the same. */
function wordBetween(a: string, b: string): { readonly word: string; readonly start: string; readonly end: string } {
  if (a === b) return { word: '', start: a, end: '' };
  const same = a.slice(0, prefixLength(a, b));
  const start = same.slice(0, same.length - (/\w*$/.exec(same)?.[0].length ?? 0));
  const rest = a.slice(a.length - suffixLength(a.slice(start.length), b.slice(start.length)));
  const end = rest.slice(/^\w*/.exec(rest)?.[0].length ?? 0);
  return { word: a.slice(start.length, a.length - end.length), start, end };
}

function valueWords(text: string, start: string, end: string, render: RenderCall): ValueWords {
  const wordOf = (value: unknown): string => {
    const turn = render({ [textKey]: value }) ?? '';
    const at = turn.indexOf(`${textKey}${start}`);
    const from = at + textKey.length + start.length;
    return at < 0 ? text : turn.slice(from, turn.indexOf(end, from));
  };
  return {
    string: text,
    number: wordOf(PROBE.number),
    boolean: wordOf(true),
    null: wordOf(null),
    object: wordOf({ a: 1 }),
    array: wordOf([1]),
  };
}

/** What stands around a string with characters of markup, and only around such. */
function quotesOf(toText: string, closing: string, render: RenderCall): readonly [string, string] | undefined {
  const markup = `${PROBE.text}<&\n>${PROBE.text}`;
  const turn = render({ [textKey]: markup });
  const at = turn?.indexOf(markup) ?? -1;
  if (turn === undefined || at < 0) return undefined;
  const keyAt = turn.lastIndexOf(textKey, at);
  const before = turn.slice(keyAt + textKey.length, at);
  const after = turn.slice(at + markup.length);
  const endAt = after.indexOf(closing.trim());
  if (!before.startsWith(toText) || endAt <= 0 || before.length === toText.length) return undefined;
  return [before.slice(toText.length), after.slice(0, endAt)];
}

/** What follows a name also where there are no arguments. */
function endOfName(nameEnd: string, name: string, render: RenderCall): string {
  const without = render({});
  const at = without?.lastIndexOf(name) ?? -1;
  if (without === undefined || at < 0) return nameEnd;
  return nameEnd.includes(ANY_WORD) ? nameEnd : commonPrefix(nameEnd, without.slice(at + name.length));
}

/** Quoted numbers count calls. */
function numbersAsWords(text: string): string {
  return text.replaceAll(/"\d+"/g, `"${ANY_WORD}"`);
}

/** The end of the JSON object that begins at `start`; undefined if there is none. */
function jsonEnd(text: string, start: number): number | undefined {
  let depth = 0;
  let isString = false;
  for (let at = start; at < text.length; at++) {
    const next = text[at];
    if (isString) {
      if (next === '\\') at++;
      else if (next === '"') isString = false;
    } else if (next === '"') isString = true;
    else if (next === '{') depth++;
    else if (next === '}' && --depth === 0) return isJson(text.slice(start, at + 1)) ? at + 1 : undefined;
  }
  return undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
