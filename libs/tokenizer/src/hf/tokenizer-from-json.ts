import { TokenRenderer, type EntryNotation } from '../decode/token-renderer.js';
import type { TokenModel } from '../model/token-model.js';
import { StagedSplitter } from '../split/staged-splitter.js';
import type { Splitter } from '../split/splitter.js';
import type { Tokenizer } from '../tokenizer.js';
import { TEXT_START, utf8Bytes, utf8Text } from '../text/utf8.js';
import { VocabularyTokenizer } from '../vocabulary-tokenizer.js';
import { asWritten, byteAlphabet, spaceMarks as spaceMarkNotation } from '../vocabulary/canonical.js';
import { completeSpecialTokens, type SpecialTokensDraft } from '../vocabulary/special-tokens.js';
import { AddedTokens, type AddedToken } from './added-tokens.js';
import { readDecoder } from './decoder.js';
import { JsonNode } from './json-node.js';
import { readNormalizers, SPACE_MARK } from './normalizers.js';
import { readPostProcessor, type Surroundings } from './post-processor.js';
import { readPreTokenizers, type CutStep } from './pre-tokenizers.js';
import { readModel, type ReadModel } from './read-model.js';
import { readAddedTokens } from './read-vocabulary.js';
import { copyText, type TextEdit } from './text-edit.js';
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
  const preTokenizer = root.get('pre_tokenizer');
  const normalizer = root.get('normalizer');
  const byteLevel = mentions(preTokenizer, 'ByteLevel') || mentions(normalizer, 'ByteLevel');
  const spaceMarks = !byteLevel && (mentions(preTokenizer, 'Metaspace') || mentions(normalizer, SPACE_MARK));
  const canonicalize = byteLevel ? byteAlphabet : spaceMarks ? spaceMarkNotation : asWritten;
  const added = readAddedTokens(root.get('added_tokens'));
  const model = readModel(root.get('model'), added, { byteLevel, spaceMarks, canonicalize });
  const edits = readNormalizers(normalizer);
  const cuts = readPreTokenizers(preTokenizer);
  const surroundings = readPostProcessor(root.get('post_processor'));
  const notation: EntryNotation = spaceMarks ? 'spaceMarks' : byteLevel ? 'canonical' : 'plain';
  for (const id of [...surroundings.before, ...surroundings.after]) {
    if (id >>> 0 !== id || id >= model.vocabulary.size) throw root.get('post_processor').wrong(`tokens with ids of the vocabulary, from 0 to ${model.vocabulary.size - 1}`);
  }
  const decoding = readDecoder(root.get('decoder'), { notation, mark: '', stripsSpace: false, attachesPunctuation: false });
  const splitters = edits.length === 0 && !spaceMarks ? splittersOf(cuts) : undefined;
  const early = splitters === undefined ? added.filter((token) => !token.normalized) : added;
  const late = splitters === undefined ? added.filter((token) => token.normalized).map((token) => normalizedToken(token, edits)) : [];
  const special = completeSpecialTokens(model.vocabulary, draftOf(model, surroundings));
  return new VocabularyTokenizer({
    kind: model.kind,
    vocabulary: model.vocabulary,
    model: splitters === undefined ? new TextPipeline(model.pieces, { edits, cuts, addedTokens: new AddedTokens(late), spaceMarks }) : directModel(model, splitters),
    special,
    partition: new AddedTokens(early),
    renderer: new TokenRenderer(model.vocabulary, decoding.notation, decoding),
    ...surroundings,
    stripsSpace: decoding.stripsSpace,
    cleansSpaces: false,
  });
}

/** Whether a string stands anywhere in a section. */
function mentions(node: JsonNode, text: string): boolean {
  return !node.isMissing && JSON.stringify(node.value).includes(text);
}

/** The splitters, if cutting is all that the steps do. */
function splittersOf(cuts: readonly CutStep[]): Splitter[] | undefined {
  const splitters = cuts.flatMap((cut) => ('splitter' in cut ? [cut.splitter] : []));
  return splitters.length === cuts.length ? splitters : undefined;
}

function directModel(model: ReadModel, splitters: readonly Splitter[]): TokenModel {
  const splitter = splitters.length === 1 ? splitters[0] : splitters.length > 1 ? new StagedSplitter(splitters) : undefined;
  const cuts = splitter === undefined ? [] : [{ splitter }];
  if (model.withSplitter === undefined) return new TextPipeline(model.pieces, { edits: [], cuts, addedTokens: new AddedTokens([]), spaceMarks: false });
  return model.withSplitter(splitter ?? { next: (_bytes, _start, end) => end });
}

/** A token that is looked for in normalized text has its own name normalized too. */
function normalizedToken(token: AddedToken, edits: readonly TextEdit[]): AddedToken {
  const bytes = utf8Bytes(`${' '.repeat(TEXT_START)}${token.content}`);
  let text = copyText(bytes, TEXT_START, bytes.length);
  for (const edit of edits) text = edit(text);
  return { ...token, content: utf8Text(text.bytes.subarray(TEXT_START, text.length)) };
}

function draftOf(model: ReadModel, { before, after }: Surroundings): SpecialTokensDraft {
  const draft: SpecialTokensDraft = { addBos: before.length > 0, addEos: after.length > 0, unk: model.unknown, bos: before.at(0), eos: after.at(-1) };
  for (const [role, names] of Object.entries(ROLE_NAMES)) {
    const key = role as keyof typeof ROLE_NAMES;
    draft[key] ??= names.map((name) => model.vocabulary.idOf(name)).find((id) => id !== undefined);
  }
  draft.bos ??= model.vocabulary.idOf('<s>') ?? model.vocabulary.idOf('<|begin_of_text|>') ?? model.vocabulary.idOf('<bos>');
  if (model.kind !== 'wordpiece') draft.eos ??= model.vocabulary.idOf('</s>') ?? model.vocabulary.idOf('<|endoftext|>') ?? model.vocabulary.idOf('<eos>');
  return draft;
}
