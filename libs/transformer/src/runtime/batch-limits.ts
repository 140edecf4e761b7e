import { StarlingError } from '@starling/core';
import type { SequenceInput } from '@starling/scheduler';
import type { ModelInfo, WindowedPages } from './model-runtime.js';

/** Total tokens (of a decoder, where there is an encoder before it) and rows of logits of a batch that was found to be within the limits. */
export interface BatchSize {
  readonly tokens: number;
  readonly outputRows: number;
}

/**
 * Checks a batch against the limits of a model.
 * @param maxTokens of all sequences together
 * @throws StarlingError `invalid_argument` naming the first sequence and value that is not acceptable
 */
export function checkBatch(
  batch: readonly SequenceInput[],
  info: ModelInfo,
  maxTokens = info.maxBatchTokens,
): BatchSize {
  if (batch.length > info.maxSequences)
    throw refused(`${batch.length} sequences in one step, at most ${info.maxSequences} are possible`);
  let tokens = 0;
  let read = 0;
  let outputRows = 0;
  for (let index = 0; index < batch.length; index++) {
    const sequence = batch[index];
    const count = sequence.tokens.length;
    const end = sequence.startPosition + count;
    if (count === 0) throw refused(`sequence ${index} of the batch has no tokens`);
    if (!Number.isInteger(sequence.startPosition) || sequence.startPosition < 0)
      throw refused(`sequence ${index} starts at position ${sequence.startPosition}`);
    if (end > info.contextLength)
      throw refused(`sequence ${index} ends at position ${end}, the context holds ${info.contextLength}`);
    if (!Number.isInteger(sequence.slot) || sequence.slot < 0 || sequence.slot >= info.maxSequences)
      throw refused(`sequence ${index} has slot ${sequence.slot} of 0..${info.maxSequences - 1}`);
    checkPages(sequence.pages, Math.ceil(end / info.pageTokens), index, info.pageCount);
    if (info.windowed) checkWindowPages(sequence, info.windowed, index, info.pageTokens);
    checkTokens(sequence.tokens, index, info.vocabSize);
    const { secondFrom = 0 } = sequence;
    if (!Number.isInteger(secondFrom) || secondFrom < 0 || secondFrom > count)
      throw refused(`the second text of sequence ${index} begins at ${secondFrom} of its ${count} tokens`);
    const encoderTokens = encoderTokensOf(sequence, index, info);
    if (sequence.adapterScales) checkScales(sequence.adapterScales, index, info.adapters.length);
    tokens += count - encoderTokens;
    read += encoderTokens;
    outputRows += sequence.outputs === 'all' ? count - encoderTokens : sequence.outputs === 'last' ? 1 : 0;
  }
  if (tokens > maxTokens) throw refused(`${tokens} tokens in one step, at most ${maxTokens} are possible`);
  if (read > maxTokens) throw refused(`${read} tokens for the encoder in one step, at most ${maxTokens} are possible`);
  return { tokens, outputRows };
}

/** How many of a step's tokens the encoder reads. */
function encoderTokensOf(
  { tokens, startPosition, encoderTokens, outputs }: SequenceInput,
  index: number,
  { decoderStart }: ModelInfo,
): number {
  if ((encoderTokens === undefined) !== (decoderStart === undefined)) {
    throw refused(
      decoderStart === undefined
        ? `sequence ${index} has tokens for an encoder, the model has none`
        : `sequence ${index} does not say how many of its tokens the encoder reads`,
    );
  }
  if (encoderTokens === undefined) return 0;
  const isSplit = startPosition === 0 ? encoderTokens > tokens.length : encoderTokens > startPosition;
  if (!Number.isInteger(encoderTokens) || encoderTokens < 1 || isSplit) {
    throw refused(
      `sequence ${index} has ${encoderTokens} tokens for the encoder and brings ${tokens.length} from position ${startPosition} on: the encoder's come in one step, the first`,
    );
  }
  if (startPosition > 0) return 0;
  if (outputs === 'last' && encoderTokens === tokens.length)
    throw refused(`sequence ${index} wants logits and brings no token for the decoder`);
  return encoderTokens;
}

/** Texts that are embedded: an encoder before a decoder reads all of them. */
export function textsFor({ decoderStart }: ModelInfo, texts: readonly SequenceInput[]): readonly SequenceInput[] {
  return decoderStart === undefined
    ? texts
    : texts.map((text) => ({ ...text, encoderTokens: text.tokens.length, outputs: 'none' }));
}

/** Tokens of texts that are embedded at once: those of causal models are cut into steps. */
export const embeddingLimit = ({ causal, maxBatchTokens }: ModelInfo): number => (causal ? Infinity : maxBatchTokens);

function checkPages(pages: Int32Array, needed: number, index: number, pageCount: number): void {
  if (pages.length < needed)
    throw refused(`sequence ${index} brings ${pages.length} pages, its positions need ${needed}`);
  for (let i = 0; i < needed; i++) {
    if (pages[i] < 0 || pages[i] >= pageCount)
      throw refused(`sequence ${index} names page ${pages[i]} of 0..${pageCount - 1}`);
  }
}

/** The pages of windowed layers that this step's tokens see. */
function checkWindowPages(
  { windowPages, startPosition, tokens }: SequenceInput,
  { window, pageCount }: WindowedPages,
  index: number,
  pageTokens: number,
): void {
  const needed = Math.ceil((startPosition + tokens.length) / pageTokens);
  if (windowPages === undefined || windowPages.length < needed)
    throw refused(
      `sequence ${index} brings ${windowPages?.length ?? 'no'} pages of windowed layers, its positions need ${needed}`,
    );
  for (let i = Math.floor(Math.max(0, startPosition - window + 1) / pageTokens); i < needed; i++) {
    if (windowPages[i] < 0 || windowPages[i] >= pageCount)
      throw refused(`sequence ${index} names page ${windowPages[i]} of 0..${pageCount - 1} of windowed layers`);
  }
}

function checkTokens(tokens: ArrayLike<number>, index: number, vocabSize: number): void {
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (!Number.isInteger(token) || token < 0 || token >= vocabSize)
      throw refused(`token ${i} of sequence ${index} is ${token}, the vocabulary has ids 0..${vocabSize - 1}`);
  }
}

function checkScales(scales: ArrayLike<number>, index: number, adapters: number): void {
  if (scales.length !== adapters)
    throw refused(`sequence ${index} brings scales of ${scales.length} adapters, the model has ${adapters}`);
  for (let i = 0; i < adapters; i++) {
    if (!Number.isFinite(scales[i])) throw refused(`sequence ${index} scales adapter ${i} by ${scales[i]}`);
  }
}

function refused(why: string): StarlingError {
  return new StarlingError('invalid_argument', `The step was refused: ${why}.`);
}
