import { PackedStrings, StarlingError } from '@starling/core';
import {
  BYTE,
  CONTROL,
  NORMAL,
  UNKNOWN,
  USER_DEFINED,
  Vocabulary,
  type Canonicalize,
} from '../vocabulary/vocabulary.js';
import { controlToken, type AddedToken } from './added-tokens.js';
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
  /** The id of an entry by its text. */
  idOf(text: string): number | undefined;
}

/** Reads `{"text": id}`. */
export function readIds(node: JsonNode): Entries {
  const texts: string[] = [];
  for (const [text, id] of Object.entries(node.record())) {
    if (!isId(id)) throw noId(node.get(text));
    if (texts[id] !== undefined) throw takenId(node.get(text), id, texts[id]);
    texts[id] = text;
  }
  if (texts.length === 0) throw node.wrong('an object with at least one entry');
  const ids = node.record() as Record<string, number>;
  return { texts, scores: new Float64Array(0), idOf: (text) => (Object.hasOwn(ids, text) ? ids[text] : undefined) };
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
  let ids: Map<string, number> | undefined;
  const idOf = (text: string): number | undefined => (ids ??= new Map(texts.map((one, id) => [one, id]))).get(text);
  return { texts, scores, idOf };
}

/** Reads `added_tokens`; one that is an entry too has the id of that entry, whatever it says. */
export function readAddedTokens(node: JsonNode, entries: Entries): AddedToken[] {
  const taken = new TakenIds(entries);
  return node.items().map((item) => {
    const content = item.get('content').string();
    const special = item.get('special').booleanOr(false);
    return {
      id: taken.read(item.get('id'), content, (id) =>
        entries.texts[id] === content ? id : (entries.idOf(content) ?? id),
      ),
      content,
      special,
      normalized: item.get('normalized').booleanOr(!special),
      singleWord: item.get('single_word').booleanOr(false),
      stripsLeft: item.get('lstrip').booleanOr(false),
      stripsRight: item.get('rstrip').booleanOr(false),
    };
  });
}

/** Reads `{"token": id}` of control tokens that are added to entries. */
export function readControlTokens(node: JsonNode, entries: Entries): AddedToken[] {
  const taken = new TakenIds(entries);
  return Object.keys(node.record()).map((content) => controlToken(taken.read(node.get(content), content), content));
}

/** Ids that entries and added tokens have: a second text with one of them would take the place of the first, which no text could then be made of. */
class TakenIds {
  private readonly added = new Map<number, string>();

  constructor(private readonly entries: Entries) {}

  /** Reads the id of an added token. `settle`: the id that it has in truth. */
  read(node: JsonNode, content: string, settle = (id: number): number => id): number {
    if (!isId(node.value)) throw noId(node);
    const id = settle(node.value);
    const other = this.entries.texts[id] ?? this.added.get(id) ?? content;
    if (other !== content) throw takenId(node, id, other);
    this.added.set(id, content);
    return id;
  }
}

const isId = (id: unknown): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= MAX_ID;

const noId = (node: JsonNode): StarlingError => node.wrong(`an id from 0 to ${MAX_ID}`);

const takenId = (node: JsonNode, id: number, other: string): StarlingError =>
  node.broken(`${id} is the id of ${JSON.stringify(other)} already; each token needs one of its own`);

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
  // Text is matched with the model's own entries; tokens that were added to them are only found whole.
  return new Vocabulary(
    PackedStrings.from(texts),
    attributes,
    scores,
    options.canonicalize,
    (id) => entries.texts[id] !== undefined && entries.texts[id] === texts[id],
  );
}

/** A few gaps between ids are common; a vocabulary of gaps alone is a broken file, and would take memory for each. */
function checkDensity(texts: readonly string[]): void {
  let entries = 0;
  texts.forEach(() => entries++);
  if (texts.length <= entries * 2 + MAX_GAPS) return;
  throw new StarlingError(
    'invalid_vocabulary',
    `ids go up to ${texts.length - 1}, but there are only ${entries} entries`,
    { details: { lastId: texts.length - 1, entries } },
  );
}
