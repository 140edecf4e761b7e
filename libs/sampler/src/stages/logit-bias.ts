import { parameterError, type StarlingError } from '@starling/core';
import type { Candidates } from '../candidates.js';
import type { LogitBias } from '../params.js';
import { statelessStage, type SamplerStage } from '../stage.js';
import type { SamplerVocabulary } from '../vocabulary.js';

const { fround } = Math;

/** Of keys and values in messages, more characters than this are left out. */
const SHOWN_LENGTH = 80;

/** A number added to one token's logit; -Infinity bans the token. */
export interface TokenBias {
  readonly id: number;
  readonly bias: number;
}

/** Adds biases to logits. */
export function logitBias(biases: readonly TokenBias[]): SamplerStage {
  return statelessStage('logitBias', (candidates) => {
    for (const { id, bias } of biases) addBias(candidates, id, bias);
    if (biases.length > 0) candidates.sorted = false;
  });
}

function addBias(candidates: Candidates, id: number, bias: number): void {
  const index = candidates.indexOf(id);
  if (index !== undefined) candidates.logits[index] += bias;
}

/** One bias as it was given, with the names of its places: `logitBias[0][1]`, `logitBias.17`. */
interface GivenBias {
  readonly key: unknown;
  readonly bias: unknown;
  readonly keyPlace: string;
  readonly biasPlace: string;
}

/**
 * The biases of a request, by token. A text stands for each of its tokens; where the biases are an object, keys that are whole
 * numbers are ids and all others texts (`1.5` is one), as llama-server has it.
 * @throws StarlingError invalid_argument whose `details.param` is the place of the bias at fault, for what is neither pairs nor an
 *   object, an id outside of the vocabulary, a text without tokens of its own (or where no encoder is given), and a bias that is
 *   neither a number nor false
 */
export function resolveLogitBias(biases: LogitBias, vocabulary: SamplerVocabulary): TokenBias[] {
  return givenBiases(biases).flatMap((given) => {
    const bias = biasNumber(given);
    return tokensOf(given, vocabulary).map((id) => ({ id, bias }));
  });
}

function givenBiases(biases: unknown): GivenBias[] {
  if (Array.isArray(biases)) {
    return (biases as readonly unknown[]).map((pair, i) => {
      const place = `logitBias[${i}]`;
      if (!Array.isArray(pair) || pair.length !== 2)
        throw refused(place, 'a pair of token and bias, as [17, -2]', pair);
      return { key: pair[0], bias: pair[1], keyPlace: `${place}[0]`, biasPlace: `${place}[1]` };
    });
  }
  // Not `instanceof`: an object of another realm is as good. Maps and the like have no entries that could be read here.
  if (Object.prototype.toString.call(biases) !== '[object Object]')
    throw refused('logitBias', 'pairs of token and bias, or an object of biases by token', biases);
  return Object.entries(biases as object).map(([text, bias]) => {
    const place = `logitBias.${shown(text)}`;
    return { key: /^\s*[+-]?\d+$/.test(text) ? Number(text) : text, bias, keyPlace: place, biasPlace: place };
  });
}

function tokensOf({ key, keyPlace }: GivenBias, vocabulary: SamplerVocabulary): number[] {
  if (typeof key === 'number') {
    if (isToken(key, vocabulary)) return [key];
    throw refused(keyPlace, `a token id from 0 to ${vocabulary.size - 1}`, key);
  }
  if (typeof key !== 'string') throw refused(keyPlace, 'a token id, or a text', key);
  if (vocabulary.encode === undefined)
    throw refused(keyPlace, 'a token id, since this vocabulary cannot encode text', key);
  const ids = Array.from(vocabulary.encode(key));
  if (ids.length > 0 && ids.every((id) => isToken(id, vocabulary) && id !== vocabulary.unknownToken)) return ids;
  throw refused(keyPlace, 'a text that the vocabulary has tokens for', key);
}

function isToken(id: number, { size }: SamplerVocabulary): boolean {
  return Number.isInteger(id) && id >= 0 && id < size;
}

function biasNumber({ bias, biasPlace }: GivenBias): number {
  if (bias === false) return -Infinity;
  if (typeof bias !== 'number' || Number.isNaN(bias))
    throw refused(biasPlace, 'a number, or false to ban the token', bias);
  return fround(bias);
}

function refused(param: string, expected: string, received: unknown): StarlingError {
  const what = shown(
    typeof received === 'string'
      ? JSON.stringify(received)
      : Array.isArray(received)
        ? `an array of ${received.length}`
        : String(received),
  );
  return parameterError('invalid_argument', param, `expected ${expected}, received ${what}`, {
    details: { expected, received: what },
  });
}

function shown(text: string): string {
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}...` : text;
}
