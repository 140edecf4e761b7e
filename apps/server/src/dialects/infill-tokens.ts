import { parameterError, StarlingError } from '@starling/core';
import type { Tokenizer } from '@starling/tokenizer';
import type { ServedModel } from '../parts.js';

/** What a file is called that has no name. */
const UNNAMED = 'tmp';
/** Of the room for what stands around the place, how much is before it. */
const PREFIX_SHARE = 3 / 4;

/** What stands around a place to be filled, by llama-server's names. */
export interface InfillText {
  readonly input_prefix: string;
  readonly input_suffix: string;
  readonly input_extra?: readonly { readonly text: string; readonly filename?: string }[] | null;
  /** What stands behind the place's beginning already. */
  readonly prompt?: string | null;
  /** Tokens of the answer, at most; below 0: as many as come. */
  readonly n_predict?: number | null;
  readonly max_tokens?: number | null;
}

/** Whether a vocabulary has the tokens that models for code know a place to be filled by. */
export const canFillIn = ({ special: { fimPrefix, fimSuffix, fimMiddle } }: Tokenizer): boolean =>
  fimPrefix !== undefined && fimSuffix !== undefined && fimMiddle !== undefined;

/**
 * The prompt as models for code know it: files with their names, then what is before and behind the place, then what has begun to be filled in.
 * What does not fit the context is left out: the oldest files, the farthest code.
 * @throws StarlingError not_supported for a vocabulary without the tokens for it
 */
export async function infillTokens(
  body: InfillText,
  model: Pick<ServedModel, 'tokenizer' | 'encode' | 'info' | 'defaults'>,
): Promise<number[]> {
  const { tokenizer, info, defaults } = model;
  const { special } = tokenizer;
  const { fimPrefix, fimSuffix, fimMiddle } = special;
  if (fimPrefix === undefined || fimSuffix === undefined || fimMiddle === undefined) {
    throw new StarlingError(
      'not_supported',
      `the model "${info.name}" cannot fill in: its vocabulary has no tokens for prefix, suffix and middle`,
      { details: { param: 'model' } },
    );
  }
  const [prefix, suffix, begun] = await Promise.all(
    [body.input_prefix, body.input_suffix, body.prompt ?? ''].map((text) => idsOf(text, model)),
  );
  const asked = body.n_predict ?? body.max_tokens ?? defaults.maxTokens ?? -1;
  const answer = Math.min(asked < 0 ? Infinity : asked, info.sequenceLimit >> 2);
  const room = info.sequenceLimit - answer - begun.length - 4 - (special.addBos ? 1 : 0);
  if (room < 1)
    throw parameterError(
      'context_length_exceeded',
      'prompt',
      `has ${begun.length} tokens, which leave no room for what is around it`,
      { details: { limit: info.sequenceLimit } },
    );
  // What one side does not need, the other may have.
  const before = Math.min(prefix.length, Math.max(Math.floor(room * PREFIX_SHARE), room - suffix.length));
  const behind = Math.min(suffix.length, room - before);
  const extra = (await extraTokens(body, model)).slice(-Math.max(room - before - behind, 0) || Infinity);
  return [
    ...(special.addBos && special.bos !== undefined ? [special.bos] : []),
    ...(room > before + behind ? extra : []),
    fimPrefix,
    ...prefix.slice(prefix.length - before),
    fimSuffix,
    ...suffix.slice(0, behind),
    fimMiddle,
    ...begun,
  ];
}

/** Further files, each after its name; where the vocabulary has no token between files, a line of its own. */
async function extraTokens(
  { input_extra: files }: InfillText,
  model: Pick<ServedModel, 'tokenizer' | 'encode'>,
): Promise<number[]> {
  if (files == null || files.length === 0) return [];
  const { fimRepo, fimSeparator } = model.tokenizer.special;
  const parts: (readonly (number | undefined)[])[] = [];
  if (fimRepo !== undefined) parts.push([fimRepo], await idsOf('myproject\n', model));
  for (const { text, filename = UNNAMED } of files) {
    parts.push(
      [fimSeparator],
      await idsOf(fimSeparator === undefined ? '\n\n--- snippet ---\n\n' : `${filename}\n`, model),
      await idsOf(text, model),
    );
  }
  if (fimSeparator !== undefined) parts.push([fimSeparator], await idsOf('filename\n', model));
  return parts.flat().filter((id) => id !== undefined);
}

/** Files may be as long as a body: they are tokenized as other long texts are. */
const idsOf = async (text: string, model: Pick<ServedModel, 'encode'>): Promise<number[]> =>
  Array.from((await model.encode(text)).ids);
