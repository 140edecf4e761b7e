import { TokenRenderer } from '../decode/token-renderer.js';
import { IdBpeModel } from '../model/id-bpe-model.js';
import { MergeList } from '../model/merge-list.js';
import { PRE_TOKENIZERS } from '../split/pre-tokenizers.js';
import { StagedSplitter } from '../split/staged-splitter.js';
import type { Tokenizer } from '../tokenizer.js';
import { VocabularyTokenizer } from '../vocabulary-tokenizer.js';
import { byteAlphabet } from '../vocabulary/canonical.js';
import { completeSpecialTokens } from '../vocabulary/special-tokens.js';
import { CONTROL, type Vocabulary } from '../vocabulary/vocabulary.js';
import { AddedTokens, controlToken } from './added-tokens.js';
import { JsonNode } from './json-node.js';
import { guessPreTokenizer } from './guess-pre-tokenizer.js';
import { readMergeLines } from './read-merges.js';
import { makeVocabulary, readControlTokens, readIds } from './read-vocabulary.js';

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
export function tokenizerFromVocabAndMerges(
  vocabJson: string,
  mergesTxt: string,
  addedTokensJson?: string,
  options: VocabAndMergesOptions = {},
): Tokenizer {
  const files = options.files ?? { vocab: 'vocab.json', merges: 'merges.txt', added: 'added_tokens.json' };
  const entries = readIds(JsonNode.parse(vocabJson, files.vocab));
  const added =
    addedTokensJson === undefined ? [] : readControlTokens(JsonNode.parse(addedTokensJson, files.added), entries);
  const vocabulary = makeVocabulary(entries, added, { byteFallback: false, canonicalize: byteAlphabet });
  const { parts, broken } = readMergeLines(mergesTxt, (line) =>
    JsonNode.parse(undefined, `${files.merges}, line ${line}`),
  );
  const name = options.preTokenizer ?? guessPreTokenizer(entries.texts);
  const preTokenizer = PRE_TOKENIZERS.get(name);
  if (preTokenizer === undefined) throw JsonNode.parse({}, files.vocab).unsupported(`pre-tokenizer ${name}`);
  const bos = firstId(vocabulary, ['<|begin_of_text|>', '<s>', '<bos>']);
  const eos = firstId(vocabulary, ['<|end_of_text|>', '<|endoftext|>', '</s>', '<eos>']);
  const addBos = bos !== undefined && (preTokenizer.addBos ?? false);
  const special = completeSpecialTokens(vocabulary, { bos, eos, addBos, addEos: false });
  const merges = new MergeList(vocabulary, parts, { canonicalize: byteAlphabet, leftOut: 0, broken });
  const model = new IdBpeModel(vocabulary, new StagedSplitter(preTokenizer.stages()), merges, {
    byteLevel: true,
    byteFallback: false,
    endOfWord: '',
    partMark: '',
    ignoreMerges: preTokenizer.ignoreMerges ?? false,
    unknown: undefined,
    fusesUnknown: false,
  });
  return new VocabularyTokenizer({
    kind: 'bpe',
    vocabulary,
    model,
    special,
    // Those known by name alone are among them.
    partition: new AddedTokens(vocabulary.idsOf(CONTROL).map((id) => controlToken(id, vocabulary.texts.at(id)))),
    renderer: new TokenRenderer(vocabulary, 'canonical'),
    before: addBos ? [bos] : [],
    after: [],
    stripsSpace: false,
    cleansSpaces: false,
  });
}

function firstId(vocabulary: Vocabulary, names: readonly string[]): number | undefined {
  return names.map((name) => vocabulary.idOf(name)).find((id) => id !== undefined);
}
