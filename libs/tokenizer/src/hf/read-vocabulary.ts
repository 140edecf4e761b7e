import { PackedStrings, StarlingError } from '@starling/core';
import { BYTE, CONTROL, NORMAL, UNKNOWN, USER_DEFINED, Vocabulary, type Canonicalize } from '../vocabulary/vocabulary.js';
import type { AddedToken } from './added-tokens.js';
import type { JsonNode } from './json-node.js';

/** Ids beyond this are taken for a broken file rather than for a vocabulary of that size. */
const MAX_ID = 1 << 24;

/** Ids without an entry, beyond as many as there are entries. */
const MAX_GAPS = 100_000;

/** The entries of a vocabulary while it is put together. */
export interface Entries {
  /** By id; ids without an entry are empty. */
  readonly texts: string[];
  /** By id, or empty. */
  readonly scores: Float64Array;
}

/** Reads `{"text": id}`. */
export function readIds(node: JsonNode): Entries {
  const texts: string[] = [];
  for (const [text, id] of Object.entries(node.record())) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > MAX_ID) throw node.get(text).wrong(`an id from 0 to ${MAX_ID}`);
    texts[id] = text;
  }
  if (texts.length === 0) throw node.wrong('an object with at least one entry');
  return { texts, scores: new Float64Array(0) };
}

/** Reads `[["text", score], ...]`. */
export function readScored(node: JsonNode): Entries {
  const pairs = node.items();
  if (pairs.length === 0) throw node.wrong('an array of [text, score]');
  const scores = new Float64Array(pairs.length);
  const texts = pairs.map((pair, id) => {
    const [text, score] = pair.items();
    if (text === undefined || score === undefined) throw pair.wrong('[text, score]');
    scores[id] = score.number();
    return text.string();
  });
  return { texts, scores };
}

/** Reads `added_tokens`. */
export function readAddedTokens(node: JsonNode): AddedToken[] {
  return node.items().map((item) => {
    const id = item.get('id').number();
    if (!Number.isInteger(id) || id < 0 || id > MAX_ID) throw item.get('id').wrong(`an id from 0 to ${MAX_ID}`);
    const special = item.get('special').booleanOr(false);
    return {
      id,
      content: item.get('content').string(),
      special,
      normalized: item.get('normalized').booleanOr(!special),
      singleWord: item.get('single_word').booleanOr(false),
      stripsLeft: item.get('lstrip').booleanOr(false),
      stripsRight: item.get('rstrip').booleanOr(false),
    };
  });
}

/** Joins entries and added tokens to a vocabulary. */
export function makeVocabulary(
  entries: Entries,
  added: readonly AddedToken[],
  options: { readonly unknown?: number; readonly byteFallback: boolean; readonly canonicalize: Canonicalize },
): Vocabulary {
  const texts = entries.texts.slice();
  for (const { id, content } of added) texts[id] = content;
  checkDensity(texts);
  const attributes = new Uint8Array(texts.length).fill(NORMAL);
  for (let id = 0; id < texts.length; id++) {
    if (texts[id] === undefined) {
      texts[id] = `[EMPTY_${id}]`;
      attributes[id] = 0;
    } else if (options.byteFallback && /^<0x[0-9A-F]{2}>$/.test(texts[id])) attributes[id] = BYTE;
  }
  if (options.unknown !== undefined) attributes[options.unknown] = UNKNOWN;
  for (const { id, special } of added) attributes[id] = special ? CONTROL : USER_DEFINED;
  const scores = entries.scores.length === 0 ? entries.scores : new Float64Array(texts.length);
  if (scores !== entries.scores) scores.set(entries.scores);
  return new Vocabulary(PackedStrings.from(texts), attributes, scores, options.canonicalize);
}

/** A few gaps between ids are common; a vocabulary of gaps alone is a broken file, and would take memory for each. */
function checkDensity(texts: readonly string[]): void {
  let entries = 0;
  texts.forEach(() => entries++);
  if (texts.length <= entries * 2 + MAX_GAPS) return;
  throw new StarlingError('invalid_vocabulary', `ids go up to ${texts.length - 1}, but there are only ${entries} entries`, { details: { lastId: texts.length - 1, entries } });
}
