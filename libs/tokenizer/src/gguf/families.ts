import { StarlingError } from '@starling/core';
import type { EntryNotation } from '../decode/token-renderer.js';
import { BpeModel } from '../model/bpe-model.js';
import { MergeList } from '../model/merge-list.js';
import { SpaceMarkModel } from '../model/space-mark-model.js';
import { SpmModel } from '../model/spm-model.js';
import type { TokenModel } from '../model/token-model.js';
import { PRE_TOKENIZERS } from '../split/pre-tokenizers.js';
import { SpaceRunSplitter } from '../split/space-splitter.js';
import { StagedSplitter } from '../split/staged-splitter.js';
import type { SpecialTokens, TokenizerKind } from '../tokenizer.js';
import { asWritten, byteAlphabet, spaceMarks } from '../vocabulary/canonical.js';
import type { SpecialTokensDraft } from '../vocabulary/special-tokens.js';
import type { Canonicalize, Vocabulary } from '../vocabulary/vocabulary.js';
import type { MetadataReader } from './metadata-reader.js';

/** What a value of `tokenizer.ggml.model` stands for. */
export interface Family {
  readonly kind: TokenizerKind;
  readonly canonicalize: Canonicalize;
  readonly notation: EntryNotation;
  /** Special tokens where the metadata names none. */
  readonly defaults: SpecialTokensDraft;
  readonly forcesBos?: boolean;
  readonly stripsSpace: boolean;
  createModel(vocabulary: Vocabulary, special: SpecialTokensDraft): TokenModel;
  /** The tokens that `addSpecial` puts around a text. */
  surroundings(special: SpecialTokens): { before: number[]; after: number[] };
}

/** Reads which family a vocabulary is of, and its settings. */
export function readFamily(model: string, reader: MetadataReader): Family {
  switch (model) {
    case 'llama':
      return spmFamily(reader);
    case 'gpt2':
      return bpeFamily(reader, reader.string('tokenizer.ggml.pre') ?? 'default', { bos: 11, eos: 11 });
    case 'gemma4':
      return bpeFamily(reader, 'gemma4', {});
    default:
      throw new StarlingError('unsupported_model', `unknown tokenizer.ggml.model "${model}": known are llama, gpt2, bert, t5, rwkv, gemma4`, {
        details: { key: 'tokenizer.ggml.model', received: model },
      });
  }
}

function spmFamily(reader: MetadataReader): Family {
  const spaceBefore = reader.boolean('tokenizer.ggml.add_space_prefix') ?? true;
  return {
    kind: 'spm',
    canonicalize: spaceMarks,
    notation: 'spaceMarks',
    defaults: { bos: 1, eos: 2, unk: 0, addBos: true, addEos: false },
    stripsSpace: spaceBefore,
    createModel: (vocabulary, special) => new SpaceMarkModel(new SpmModel(vocabulary, spaceBefore, special.unk)),
    surroundings: bosAndEos,
  };
}

function bpeFamily(reader: MetadataReader, name: string, ids: { bos?: number; eos?: number }): Family {
  const preTokenizer = PRE_TOKENIZERS.get(name === '' ? 'default' : name);
  if (preTokenizer === undefined) {
    throw new StarlingError('unsupported_model', `unknown pre-tokenizer "${name}" in tokenizer.ggml.pre`, { details: { key: 'tokenizer.ggml.pre', received: name } });
  }
  const merges = reader.strings('tokenizer.ggml.merges');
  if (merges === undefined) {
    throw new StarlingError('invalid_vocabulary', 'the vocabulary has no merges: tokenizer.ggml.merges is missing', { details: { key: 'tokenizer.ggml.merges' } });
  }
  const canonicalize = preTokenizer.spaceMarks ? spaceMarks : preTokenizer.plainText ? asWritten : byteAlphabet;
  return {
    kind: 'bpe',
    canonicalize,
    notation: preTokenizer.spaceMarks ? 'spaceMarks' : 'canonical',
    defaults: { ...ids, bos: preTokenizer.noBos ? undefined : ids.bos, addBos: preTokenizer.addBos ?? false, addEos: false },
    forcesBos: preTokenizer.forcesBos,
    stripsSpace: reader.boolean('tokenizer.ggml.add_space_prefix') ?? false,
    createModel: (vocabulary) => {
      const list = new MergeList(vocabulary, merges, canonicalize);
      const stages = preTokenizer.stages();
      if (preTokenizer.spaceMarks && list.breaksBeforeSpaces) stages.push(new SpaceRunSplitter());
      const splitter = stages.length === 1 ? stages[0] : new StagedSplitter(stages);
      const model = new BpeModel(vocabulary, splitter, list, {
        byteLevel: !preTokenizer.plainText,
        ignoreMerges: preTokenizer.ignoreMerges ?? false,
        wholeLineEnds: preTokenizer.wholeLineEnds ?? false,
      });
      return preTokenizer.spaceMarks ? new SpaceMarkModel(model) : model;
    },
    surroundings: bosAndEos,
  };
}

function bosAndEos(special: SpecialTokens): { before: number[]; after: number[] } {
  return {
    before: special.addBos && special.bos !== undefined ? [special.bos] : [],
    after: special.addEos && special.eos !== undefined ? [special.eos] : [],
  };
}
