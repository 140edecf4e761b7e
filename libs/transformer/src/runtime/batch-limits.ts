import { StarlingError } from '@starling/core';
import type { ModelInfo, SequenceInput } from './model-runtime.js';

/** Total tokens and rows of logits of a batch that was found to be within the limits. */
export interface BatchSize {
  readonly tokens: number;
  readonly outputRows: number;
}

/**
 * Checks a batch against the limits of a model.
 * @throws StarlingError `invalid_argument` naming the first sequence and value that is not acceptable
 */
export function checkBatch(batch: readonly SequenceInput[], info: ModelInfo): BatchSize {
  if (batch.length > info.maxSequences) throw refused(`${batch.length} sequences in one step, at most ${info.maxSequences} are possible`);
  let tokens = 0;
  let outputRows = 0;
  for (let index = 0; index < batch.length; index++) {
    const sequence = batch[index];
    const count = sequence.tokens.length;
    const end = sequence.startPosition + count;
    if (count === 0) throw refused(`sequence ${index} of the batch has no tokens`);
    if (!Number.isInteger(sequence.startPosition) || sequence.startPosition < 0) throw refused(`sequence ${index} starts at position ${sequence.startPosition}`);
    if (end > info.contextLength) throw refused(`sequence ${index} ends at position ${end}, the context holds ${info.contextLength}`);
    if (!Number.isInteger(sequence.slot) || sequence.slot < 0 || sequence.slot >= info.maxSequences) throw refused(`sequence ${index} has slot ${sequence.slot} of 0..${info.maxSequences - 1}`);
    checkPages(sequence.pages, Math.ceil(end / info.pageTokens), index, info.pageCount);
    checkTokens(sequence.tokens, index, info.vocabSize);
    tokens += count;
    outputRows += sequence.outputs === 'all' ? count : sequence.outputs === 'last' ? 1 : 0;
  }
  if (tokens > info.maxBatchTokens) throw refused(`${tokens} tokens in one step, at most ${info.maxBatchTokens} are possible`);
  return { tokens, outputRows };
}

function checkPages(pages: Int32Array, needed: number, index: number, pageCount: number): void {
  if (pages.length < needed) throw refused(`sequence ${index} brings ${pages.length} pages, its positions need ${needed}`);
  for (let i = 0; i < needed; i++) {
    if (pages[i] < 0 || pages[i] >= pageCount) throw refused(`sequence ${index} names page ${pages[i]} of 0..${pageCount - 1}`);
  }
}

function checkTokens(tokens: ArrayLike<number>, index: number, vocabSize: number): void {
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (!Number.isInteger(token) || token < 0 || token >= vocabSize) throw refused(`token ${i} of sequence ${index} is ${token}, the vocabulary has ids 0..${vocabSize - 1}`);
  }
}

function refused(why: string): StarlingError {
  return new StarlingError('invalid_argument', `The step was refused: ${why}.`);
}
