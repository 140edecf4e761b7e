import { PackedStrings, StarlingError } from '@starling/core';
import type { EntryNotation } from '../decode/token-renderer.js';
import { BpeModel } from '../model/bpe-model.js';
import { MergeTable } from '../model/merge-table.js';
import { SpaceMarkModel } from '../model/space-mark-model.js';
import { Plamo2Model } from '../model/plamo2-model.js';
import { RwkvModel, rwkvEscapes } from '../model/rwkv-model.js';
import { SpmModel } from '../model/spm-model.js';
import type { TokenModel } from '../model/token-model.js';
import { UnigramModel } from '../model/unigram-model.js';
import { WhiteSpaceModel } from '../model/white-space-model.js';
import { WordPieceModel } from '../model/wordpiece-model.js';
import { PRE_TOKENIZERS } from '../split/pre-tokenizers.js';
import { SpaceRunSplitter } from '../split/space-splitter.js';
import { StagedSplitter } from '../split/staged-splitter.js';
import { utf8Bytes } from '../text/utf8.js';
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
    case 'whitespace':
      return bpeFamily(reader, reader.string('tokenizer.ggml.pre') ?? 'default', { bos: 11, eos: 11 }, true);
    case 'bert':
      return wordPieceFamily(reader);
    case 't5':
      return unigramFamily(reader);
    case 'rwkv':
      return rwkvFamily();
    case 'plamo2':
      return plamo2Family(reader);
    default:
      throw new StarlingError(
        'unsupported_model',
        `unknown tokenizer.ggml.model "${model}": known are llama, gpt2, bert, t5, rwkv, gemma4, plamo2, whitespace`,
        {
          details: { key: 'tokenizer.ggml.model', received: model },
        },
      );
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

/** Pre-tokenizers of vocabularies that put a separator of its own between two texts. */
const SEPARATING = new Set(['jina-v1-en', 'jina-v2-code', 'roberta-bpe']);

function bpeFamily(
  reader: MetadataReader,
  name: string,
  ids: { bos?: number; eos?: number },
  dropsSpaces = false,
): Family {
  const preTokenizer = PRE_TOKENIZERS.get(name === '' ? 'default' : name);
  if (preTokenizer === undefined) {
    throw new StarlingError('unsupported_model', `unknown pre-tokenizer "${name}" in tokenizer.ggml.pre`, {
      details: { key: 'tokenizer.ggml.pre', received: name },
    });
  }
  // Kimi's vocabularies come without merges: their ids are ranks, which files do not carry otherwise.
  const merges = reader.strings('tokenizer.ggml.merges') ?? (name === 'kimi-k2' ? PackedStrings.from([]) : undefined);
  if (merges === undefined) {
    throw new StarlingError('invalid_vocabulary', 'the vocabulary has no merges: tokenizer.ggml.merges is missing', {
      details: { key: 'tokenizer.ggml.merges' },
    });
  }
  const canonicalize = preTokenizer.spaceMarks ? spaceMarks : preTokenizer.plainText ? asWritten : byteAlphabet;
  return {
    kind: 'bpe',
    canonicalize,
    notation: preTokenizer.spaceMarks ? 'spaceMarks' : 'canonical',
    defaults: {
      ...ids,
      bos: preTokenizer.noBos ? undefined : ids.bos,
      addBos: preTokenizer.addBos ?? false,
      addEos: false,
      ...(SEPARATING.has(name) && { addSep: true }),
    },
    forcesBos: preTokenizer.forcesBos,
    stripsSpace: reader.boolean('tokenizer.ggml.add_space_prefix') ?? false,
    createModel: (vocabulary) => {
      const list = new MergeTable(merges, canonicalize);
      const stages = preTokenizer.stages();
      if (preTokenizer.spaceMarks && list.breaksBeforeSpaces) stages.push(new SpaceRunSplitter());
      const splitter = stages.length === 1 ? stages[0] : new StagedSplitter(stages);
      const model = new BpeModel(vocabulary, splitter, list, {
        byteLevel: !preTokenizer.plainText,
        byteFallback: preTokenizer.plainText ?? false,
        spaceMarks: preTokenizer.spaceMarks ?? false,
        ignoreMerges: preTokenizer.ignoreMerges ?? false,
        wholeLineEnds: preTokenizer.wholeLineEnds ?? false,
      });
      if (dropsSpaces)
        return new WhiteSpaceModel(
          model,
          reader.boolean('tokenizer.ggml.normalizer.lowercase') ?? name !== 'whitespace',
        );
      return preTokenizer.spaceMarks ? new SpaceMarkModel(model) : model;
    },
    surroundings: bosAndEos,
  };
}

function wordPieceFamily(reader: MetadataReader): Family {
  const lowercase = reader.boolean('tokenizer.ggml.normalizer.lowercase') ?? true;
  const stripAccents = reader.boolean('tokenizer.ggml.normalizer.strip_accents') ?? lowercase;
  return {
    kind: 'wordpiece',
    canonicalize: asWritten,
    notation: 'spaceMarks',
    defaults: { bos: 101, unk: 100, sep: 102, pad: 0, mask: 103, addBos: true, addEos: false },
    stripsSpace: reader.boolean('tokenizer.ggml.add_space_prefix') ?? false,
    createModel: (vocabulary, special) =>
      new WordPieceModel(vocabulary, {
        lowercase,
        stripAccents,
        wordMark: utf8Bytes('\u2581'),
        partMark: new Uint8Array(0),
        maxChars: Infinity,
        unknown: special.unk,
      }),
    surroundings: (special) => ({
      before: special.bos === undefined ? [] : [special.bos],
      after: special.sep === undefined ? [] : [special.sep],
    }),
  };
}

function unigramFamily(reader: MetadataReader): Family {
  const map = reader.bytes('tokenizer.ggml.precompiled_charsmap');
  const spaceBefore = reader.boolean('tokenizer.ggml.add_space_prefix') ?? false;
  const mergesSpaces = reader.boolean('tokenizer.ggml.remove_extra_whitespaces') ?? false;
  return {
    kind: 'unigram',
    canonicalize: asWritten,
    notation: 'spaceMarks',
    defaults: { eos: 1, unk: 2, pad: 0, addBos: false, addEos: true },
    stripsSpace: spaceBefore,
    createModel: (vocabulary, special) => new UnigramModel(vocabulary, map, { spaceBefore, mergesSpaces }, special.unk),
    surroundings: bosAndEos,
  };
}

function rwkvFamily(): Family {
  return {
    kind: 'rwkv',
    canonicalize: rwkvEscapes,
    notation: 'canonical',
    defaults: { addBos: false, addEos: false },
    stripsSpace: false,
    createModel: (vocabulary, special) => new RwkvModel(vocabulary, special.unk),
    surroundings: () => ({ before: [], after: [] }),
  };
}

function plamo2Family(reader: MetadataReader): Family {
  return {
    kind: 'plamo2',
    canonicalize: asWritten,
    notation: 'plain',
    defaults: { bos: 1, eos: 2, unk: 0, pad: 3, addBos: false, addEos: false },
    stripsSpace: reader.boolean('tokenizer.ggml.add_space_prefix') ?? false,
    createModel: (vocabulary) => new Plamo2Model(vocabulary),
    surroundings: () => ({ before: [], after: [] }),
  };
}

function bosAndEos(special: SpecialTokens): { before: number[]; after: number[] } {
  return {
    before: special.addBos && special.bos !== undefined ? [special.bos] : [],
    after: special.addEos && special.eos !== undefined ? [special.eos] : [],
  };
}
