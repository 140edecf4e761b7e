import { StarlingError } from '@starling/core';
import type { GgufModel } from '@starling/gguf';
import { tokenizerFromGguf, type Tokenizer } from '@starling/tokenizer';
import type { LoadOptions as RuntimeOptions, MemoryPlan, ModelInfo } from '@starling/transformer';
import { speculationOf, type SpeculationOptions } from './drafting/speculation-options.js';

/** Vocabularies of one family are filled up to different lengths: so many tokens may be missing at the end of one. */
const PADDING = 128;

/** What is known of a model before its draft model is loaded. */
type Drafted = Pick<MemoryPlan, 'contextLength' | 'pageTokens' | 'pageCount'>;

/** Options of the draft model's runtime: as many tokens of as many sequences as the model has room for. */
export function draftRuntimeOptions(
  options: RuntimeOptions,
  { contextLength, pageTokens, pageCount }: Drafted,
): RuntimeOptions {
  return {
    ...options,
    adapters: [],
    slidingWindows: false,
    windowPageCount: undefined,
    contextLength,
    pageTokens,
    kvTokens: pageTokens * pageCount,
    onPlan: undefined,
    onProgress: undefined,
  };
}

/** @throws StarlingError invalid_argument if drafting is turned off, so that a draft model would have nothing to do */
export function checkDrafts(speculation: boolean | SpeculationOptions | undefined, name: string): void {
  if (speculationOf(speculation, true) === undefined)
    throw refused(
      name,
      'it would have nothing to do, since no drafts are to be computed: leave it out, or let there be some',
    );
}

/**
 * Checks that a model can draft for another: the same tokens have the same ids.
 * @throws StarlingError invalid_argument naming the first that differs
 */
export function checkVocabulary(draft: GgufModel, tokenizer: Tokenizer, name: string): void {
  const own = tokenizerFromGguf(draft.metadata);
  if (Math.abs(own.vocabSize - tokenizer.vocabSize) > PADDING)
    throw refused(draft.name, `its vocabulary has ${own.vocabSize} tokens, that of ${name} ${tokenizer.vocabSize}`);
  const common = Math.min(own.vocabSize, tokenizer.vocabSize);
  for (let id = 0; id < common; id++) {
    if (own.tokenText(id) !== tokenizer.tokenText(id))
      throw refused(
        draft.name,
        `token ${id} is ${JSON.stringify(own.tokenText(id))} in its vocabulary, and ${JSON.stringify(tokenizer.tokenText(id))} in that of ${name}`,
      );
  }
}

/** @throws StarlingError not_supported for models whose computed tokens cannot be cut back, or that do not go on from a text */
export function checkKind(draft: ModelInfo, model: ModelInfo, file: string): void {
  if (draft.hasRecurrentState)
    throw refused(
      file,
      `it has recurrent layers (${draft.architecture}), whose states cannot be cut back to where a draft was wrong`,
      'not_supported',
    );
  for (const [info, what] of [
    [draft, 'it'],
    [model, 'the model that it is to draft for'],
  ] as const) {
    if (!info.hasLogits || !info.causal || info.decoderStart !== undefined)
      throw refused(file, `${what} (${info.architecture}) does not go on with a text token by token`, 'not_supported');
  }
}

const refused = (
  file: string,
  why: string,
  code: 'invalid_argument' | 'not_supported' = 'invalid_argument',
): StarlingError =>
  new StarlingError(code, `the draft model ${file} cannot be used: ${why}`, { details: { param: 'draftModel', file } });
