import { PackedStrings } from '@starling/core';
import { TokenRenderer } from '../decode/token-renderer.js';
import { BpeModel } from '../model/bpe-model.js';
import { MergeTable } from '../model/merge-table.js';
import { PRE_TOKENIZERS } from '../split/pre-tokenizers.js';
import { StagedSplitter } from '../split/staged-splitter.js';
import type { Tokenizer } from '../tokenizer.js';
import { utf8Bytes } from '../text/utf8.js';
import { VocabularyTokenizer } from '../vocabulary-tokenizer.js';
import { byteAlphabet } from '../vocabulary/canonical.js';
import { completeSpecialTokens } from '../vocabulary/special-tokens.js';
import { CONTROL, type Vocabulary } from '../vocabulary/vocabulary.js';
import { AddedTokens, type AddedToken } from './added-tokens.js';
import { JsonNode } from './json-node.js';
import { guessPreTokenizer } from './guess-pre-tokenizer.js';
import { makeVocabulary, readIds } from './read-vocabulary.js';

const LF = 0x0a;
const CR = 0x0d;
const HASH = 0x23;

/** What the files do not say. */
export interface VocabAndMergesOptions {
  /** The name of the pre-tokenizer, as GGUF files have it; by default it is told from the vocabulary. */
  readonly preTokenizer?: string;
  /** What errors call the files. */
  readonly files?: { readonly vocab: string; readonly merges: string; readonly added: string };
}

/**
 * The tokenizer of a byte-level vocabulary in the classic form.
 * @param vocabJson `{"entry": id, ...}`
 * @param mergesTxt lines of two parts with a space between, best first; a first line that starts with `#version` is passed over
 * @param addedTokensJson `{"token": id, ...}` of control tokens
 * @throws StarlingError `invalid_vocabulary`, naming the file and the place
 */
export function tokenizerFromVocabAndMerges(vocabJson: string, mergesTxt: string, addedTokensJson?: string, options: VocabAndMergesOptions = {}): Tokenizer {
  const files = options.files ?? { vocab: 'vocab.json', merges: 'merges.txt', added: 'added_tokens.json' };
  const entries = readIds(JsonNode.parse(vocabJson, files.vocab));
  const added = addedTokensJson === undefined ? [] : readControlTokens(JsonNode.parse(addedTokensJson, files.added));
  const vocabulary = makeVocabulary(entries, added, { byteFallback: false, canonicalize: byteAlphabet });
  const merges = readMergeLines(mergesTxt, files.merges);
  const name = options.preTokenizer ?? guessPreTokenizer(entries.texts);
  const preTokenizer = PRE_TOKENIZERS.get(name);
  if (preTokenizer === undefined) throw JsonNode.parse({}, files.vocab).unsupported(`pre-tokenizer ${name}`);
  const list = new MergeTable(merges, byteAlphabet);
  const model = new BpeModel(vocabulary, new StagedSplitter(preTokenizer.stages()), list, {
    byteLevel: true,
    byteFallback: false,
    spaceMarks: false,
    ignoreMerges: preTokenizer.ignoreMerges ?? false,
    wholeLineEnds: false,
  });
  const bos = firstId(vocabulary, ['<|begin_of_text|>', '<s>', '<bos>']);
  const eos = firstId(vocabulary, ['<|end_of_text|>', '<|endoftext|>', '</s>', '<eos>']);
  const addBos = bos !== undefined && (preTokenizer.addBos ?? false);
  const special = completeSpecialTokens(vocabulary, { bos, eos, addBos, addEos: false });
  return new VocabularyTokenizer({
    kind: 'bpe',
    vocabulary,
    model,
    special,
    partition: new AddedTokens(controlTokens(vocabulary)),
    renderer: new TokenRenderer(vocabulary, 'canonical'),
    before: addBos ? [bos] : [],
    after: [],
    stripsSpace: false,
    cleansSpaces: false,
  });
}

const controlToken = (id: number, content: string): AddedToken => ({
  id,
  content,
  special: true,
  normalized: false,
  singleWord: false,
  stripsLeft: false,
  stripsRight: false,
});

function readControlTokens(node: JsonNode): AddedToken[] {
  return Object.keys(node.record()).map((content) => controlToken(node.get(content).number(), content));
}

/** The control tokens, those known by name alone among them. */
function controlTokens(vocabulary: Vocabulary): AddedToken[] {
  const tokens: AddedToken[] = [];
  for (let id = 0; id < vocabulary.size; id++) if (vocabulary.has(id, CONTROL)) tokens.push(controlToken(id, vocabulary.texts.at(id)));
  return tokens;
}

function firstId(vocabulary: Vocabulary, names: readonly string[]): number | undefined {
  return names.map((name) => vocabulary.idOf(name)).find((id) => id !== undefined);
}

/** The lines of `merges.txt`, as they lie in its bytes. */
function readMergeLines(text: string, file: string): PackedStrings {
  const source = utf8Bytes(text);
  const bytes = new Uint8Array(source.length);
  const offsets: number[] = [0];
  let length = 0;
  for (let at = 0, line = 1; at < source.length; line++) {
    const lineEnd = source.indexOf(LF, at);
    const next = lineEnd < 0 ? source.length : lineEnd;
    const end = source[next - 1] === CR ? next - 1 : next;
    const isVersion = line === 1 && source[at] === HASH && text.startsWith('#version');
    if (end > at && !isVersion) {
      const space = source.indexOf(0x20, at + 1);
      if (space < 0 || space >= end - 1) throw JsonNode.parse(undefined, `${file}, line ${line}`).wrong('two parts with a space between them');
      bytes.set(source.subarray(at, end), length);
      length += end - at;
      offsets.push(length);
    }
    at = next + 1;
  }
  return new PackedStrings(bytes, Uint32Array.from(offsets));
}
