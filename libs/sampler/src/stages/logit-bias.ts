import { StarlingError } from '@starling/core';
import type { Candidates } from '../candidates.js';
import type { LogitBias } from '../params.js';
import { statelessStage, type SamplerStage } from '../stage.js';
import type { SamplerVocabulary } from '../vocabulary.js';

const { fround } = Math;

/** A number added to one token's logit; -Infinity bans the token. */
export interface TokenBias {
  readonly id: number;
  readonly bias: number;
}

/** Adds biases to logits. */
export function logitBias(biases: readonly TokenBias[]): SamplerStage {
  return statelessStage('logit_bias', (candidates) => {
    for (const { id, bias } of biases) addBias(candidates, id, bias);
    if (biases.length > 0) candidates.sorted = false;
  });
}

function addBias(candidates: Candidates, id: number, bias: number): void {
  const index = candidates.indexOf(id);
  if (index !== undefined) candidates.logits[index] += bias;
}

/**
 * The biases of a request, by token. A text stands for each of its tokens; numbers in text form are ids where the biases are
 * an object. Ids outside of the vocabulary have no effect.
 * @throws StarlingError invalid_argument for a bias that is neither a number nor false, or a text where no encoder is given.
 */
export function resolveLogitBias(biases: LogitBias, vocabulary: SamplerVocabulary): TokenBias[] {
  if (Array.isArray(biases)) {
    return (biases as readonly (readonly [number | string, number | false])[]).flatMap(([key, bias]) =>
      typeof key === 'number' ? tokenBias(key, bias, vocabulary) : textBias(key, bias, vocabulary),
    );
  }
  return Object.entries(biases as Readonly<Record<string, number | false>>).flatMap(([key, bias]) =>
    /^\s*[+-]?\d+$/.test(key) ? tokenBias(Number(key), bias, vocabulary) : textBias(key, bias, vocabulary),
  );
}

function tokenBias(id: number, bias: number | false, vocabulary: SamplerVocabulary): TokenBias[] {
  if (!Number.isInteger(id)) throw wrongBias('a whole number as token id', id);
  return id >= 0 && id < vocabulary.size ? [{ id, bias: biasNumber(bias) }] : [];
}

function textBias(text: string, bias: number | false, vocabulary: SamplerVocabulary): TokenBias[] {
  if (vocabulary.encode === undefined) throw wrongBias('token ids, since this vocabulary cannot encode text', text);
  return Array.from(vocabulary.encode(text), (id) => ({ id, bias: biasNumber(bias) }));
}

function biasNumber(bias: number | false): number {
  if (bias === false) return -Infinity;
  if (typeof bias !== 'number' || Number.isNaN(bias)) throw wrongBias('a number, or false to ban the token', bias);
  return fround(bias);
}

function wrongBias(expected: string, received: unknown): StarlingError {
  return new StarlingError('invalid_argument', `logitBias: expected ${expected}, received ${String(received)}`, {
    details: { param: 'logitBias', expected, received: String(received) },
  });
}
