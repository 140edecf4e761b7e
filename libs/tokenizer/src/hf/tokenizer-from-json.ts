import type { Partition } from '../model/special-partition.js';
import type { TokenModel } from '../model/token-model.js';
import { StagedSplitter } from '../split/staged-splitter.js';
import { WholeTextSplitter } from '../split/space-splitter.js';
import type { Splitter } from '../split/splitter.js';
import type { Tokenizer } from '../tokenizer.js';
import { TEXT_START, utf8Bytes, utf8Text } from '../text/utf8.js';
import { VocabularyTokenizer } from '../vocabulary-tokenizer.js';
import { completeSpecialTokens, type SpecialTokensDraft } from '../vocabulary/special-tokens.js';
import { CONTROL } from '../vocabulary/vocabulary.js';
import { AddedTokens, TokensInTurn, type AddedToken } from './added-tokens.js';
import { bytesStep, toByteAlphabet } from './byte-level.js';
import { readDecoder } from './decoder.js';
import { JsonNode } from './json-node.js';
import { NormalizedText } from './normalized-text.js';
import { readNormalizers } from './normalizers.js';
import { cutStep, type PieceStep } from './piece-steps.js';
import { readPostProcessor, type Surroundings } from './post-processor.js';
import { readPreTokenizers, type PreTokenizerStep } from './pre-tokenizers.js';
import { readModel, type ReadModel } from './read-model.js';
import type { TextEdit } from './text-edit.js';
import { TextPipeline } from './text-pipeline.js';

/** Names under which vocabularies have their special tokens, where a file does not say which is which. */
const ROLE_NAMES = {
  pad: ['<pad>', '[PAD]', '<|pad|>'],
  cls: ['[CLS]', '<cls>'],
  sep: ['[SEP]', '<sep>'],
  mask: ['[MASK]', '<mask>'],
  unk: ['<unk>', '[UNK]'],
} as const;

/**
 * The tokenizer that a `tokenizer.json` describes.
 * @param json the file's text, or what it parses to
 * @param file what errors call the file
 * @throws StarlingError `invalid_vocabulary` for a broken file, naming the place; `unsupported_model` for a section of a kind that is not known
 */
export function tokenizerFromJson(json: unknown, file = 'tokenizer.json'): Tokenizer {
  const root = JsonNode.parse(json, file);
  const edits = readNormalizers(root.get('normalizer'));
  const steps = readPreTokenizers(root.get('pre_tokenizer'));
  const model = readModel(root, bytesOf(edits, steps));
  const { vocabulary } = model;
  const surroundings = readPostProcessor(root.get('post_processor'));
  for (const id of [...surroundings.before, ...surroundings.after]) {
    if (id >>> 0 !== id || id >= vocabulary.size)
      throw root.get('post_processor').wrong(`tokens with ids of the vocabulary, from 0 to ${vocabulary.size - 1}`);
  }
  // Control tokens are marked before the model is made, which leaves them out of what it makes text of.
  const special = completeSpecialTokens(vocabulary, draftOf(model, surroundings));
  const added = model.added.map((token) => ({ ...token, special: token.special || vocabulary.has(token.id, CONTROL) }));
  const decoding = readDecoder(root.get('decoder'), vocabulary, model.byteLevel);
  return new VocabularyTokenizer({
    kind: model.kind,
    vocabulary,
    ...encoderOf(model, edits, model.byteLevel ? steps.slice(0, -1) : steps, added),
    special,
    renderer: decoding.renderer,
    ...surroundings,
    stripsSpace: decoding.stripsSpace,
    cleansSpaces: false,
  });
}

/** Whether a text comes to the model in the byte alphabet, and whether that is the last that is done to it. */
function bytesOf(
  edits: readonly TextEdit[],
  steps: readonly PreTokenizerStep[],
): { writesBytes: boolean; writesBytesLast: boolean } {
  const count = steps.filter(({ kind }) => kind === 'bytes').length;
  const inEdits = edits.includes(toByteAlphabet);
  return {
    writesBytes: count > 0 || inEdits,
    writesBytesLast: count === 1 && !inEdits && steps.at(-1)?.kind === 'bytes',
  };
}

/** What cuts added tokens out of a text, and what encodes the rest: splitters and the model, if cutting is all that the steps do. */
function encoderOf(
  model: ReadModel,
  edits: readonly TextEdit[],
  steps: readonly PreTokenizerStep[],
  added: readonly AddedToken[],
): { partition: Partition; model: TokenModel } {
  const early = new AddedTokens(added.filter((token) => !token.normalized));
  const late = added.filter((token) => token.normalized);
  const splitters = steps.flatMap((step) => (step.kind === 'cut' ? [step.splitter] : []));
  if (edits.length === 0 && splitters.length === steps.length && model.createWithSplitter !== undefined) {
    return {
      partition: new TokensInTurn([early, new AddedTokens(late)]),
      model: model.createWithSplitter(joined(splitters)),
    };
  }
  const addedTokens = new AddedTokens(late.map((token) => normalizedToken(token, edits)));
  return {
    partition: early,
    model: new TextPipeline(model.createPieces(), { edits, steps: steps.map(pieceStep), addedTokens }),
  };
}

function joined(splitters: readonly Splitter[]): Splitter {
  if (splitters.length === 0) return new WholeTextSplitter();
  return splitters.length === 1 ? splitters[0] : new StagedSplitter(splitters);
}

function pieceStep(step: PreTokenizerStep): PieceStep {
  if (step.kind === 'cut') return cutStep(step.splitter);
  return step.kind === 'bytes' ? bytesStep : step.step;
}

/** A token that is looked for in normalized text has its own name normalized too. */
function normalizedToken(token: AddedToken, edits: readonly TextEdit[]): AddedToken {
  const bytes = utf8Bytes(`${' '.repeat(TEXT_START)}${token.content}`);
  let text = NormalizedText.of(bytes, TEXT_START, bytes.length);
  for (const edit of edits) text = edit(text);
  return { ...token, content: utf8Text(text.bytes.subarray(TEXT_START, text.length)) };
}

function draftOf(model: ReadModel, { before, after }: Surroundings): SpecialTokensDraft {
  const draft: SpecialTokensDraft = {
    addBos: before.length > 0,
    addEos: after.length > 0,
    unk: model.unknown,
    bos: before.at(0),
    eos: after.at(-1),
  };
  for (const [role, names] of Object.entries(ROLE_NAMES)) {
    const key = role as keyof typeof ROLE_NAMES;
    draft[key] ??= names.map((name) => model.vocabulary.idOf(name)).find((id) => id !== undefined);
  }
  draft.bos ??=
    model.vocabulary.idOf('<s>') ?? model.vocabulary.idOf('<|begin_of_text|>') ?? model.vocabulary.idOf('<bos>');
  if (model.kind !== 'wordpiece')
    draft.eos ??=
      model.vocabulary.idOf('</s>') ?? model.vocabulary.idOf('<|endoftext|>') ?? model.vocabulary.idOf('<eos>');
  return draft;
}
