import { bytesOfByteToken, checkTokenId, type DecodeSource, TokenRenderer } from '../decode/token-renderer.js';
import { readByteAlphabet } from '../text/byte-alphabet.js';
import { utf8Bytes } from '../text/utf8.js';
import { BYTE, CONTROL, UNKNOWN, USER_DEFINED, type Vocabulary } from '../vocabulary/vocabulary.js';
import type { JsonNode } from './json-node.js';
import { readPattern } from './normalizers.js';
import { readMark, readScheme } from './pre-tokenizers.js';
import { literalRegex } from './regex/oniguruma.js';
import { stepsOf } from './sequence.js';

/** What entries are written out by. */
export interface Decoding {
  readonly renderer: DecodeSource;
  /** A space at the very start is left out. */
  readonly stripsSpace: boolean;
}

/** How one token becomes text: what is done to its name, one after another, then how that becomes bytes. */
interface TokenRules {
  readonly changes: readonly ((text: string) => string)[];
  readonly bytes: 'text' | 'byteAlphabet' | 'byteTokens';
  readonly stripsSpace: boolean;
}

/** Entries that begin so have no space before them. */
const ATTACHED = /^(?:[.?!,]|n't|'(?:m|s|ve|re))/;

/**
 * What a `decoder` section amounts to. Without one, names are written as they are, with spaces between.
 * @param byteLevel whether the vocabulary knows its entries by the bytes that they stand for
 */
export function readDecoder(section: JsonNode, vocabulary: Vocabulary, byteLevel: boolean): Decoding {
  const steps = stepsOf(section, 'decoders');
  const rules = steps.length === 0 ? SPACED : steps.reduce(addStep, { changes: [], bytes: 'text', stripsSpace: false });
  const isCanonical =
    byteLevel && rules.bytes === 'byteAlphabet' && rules.changes.length === 0 && vocabulary.idsOf(BYTE).length === 0;
  return {
    renderer: isCanonical ? new TokenRenderer(vocabulary, 'canonical') : new RuleRenderer(vocabulary, rules),
    stripsSpace: rules.stripsSpace,
  };
}

const SPACED: TokenRules = { changes: [(text) => ` ${text}`], bytes: 'text', stripsSpace: true };

function addStep(rules: TokenRules, step: JsonNode): TokenRules {
  const type = step.type();
  const changed = (change: (text: string) => string, stripsSpace = rules.stripsSpace): TokenRules => ({
    ...rules,
    changes: [...rules.changes, change],
    stripsSpace,
  });
  switch (type) {
    case 'ByteLevel':
      return { ...rules, bytes: 'byteAlphabet' };
    case 'ByteFallback':
      return { ...rules, bytes: 'byteTokens' };
    case 'Metaspace': {
      const mark = readMark(step);
      return changed((text) => text.replaceAll(mark, ' '), readScheme(step) !== 'never');
    }
    case 'WordPiece':
      return changed(joinWords(step.get('prefix').stringOr('##'), step.get('cleanup').booleanOr(true)), true);
    case 'BPEDecoder': {
      const suffix = literalRegex(step.get('suffix').stringOr('</w>'));
      return changed((text) => text.replace(suffix, ' '));
    }
    case 'Strip':
      return { ...rules, stripsSpace: step.get('content').stringOr(' ') === ' ' && step.get('start').value === 1 };
    case 'Replace': {
      const pattern = readPattern(step.get('pattern'));
      const content = step.get('content').string();
      return changed((text) => text.replace(pattern, () => content));
    }
    case 'Fuse':
      return rules;
    default:
      throw step.unsupported(`decoder ${type}`);
  }
}

/** A space before each token, but for parts that go on with a word, and perhaps punctuation. */
function joinWords(mark: string, attachesPunctuation: boolean): (text: string) => string {
  return (text) => {
    if (text.startsWith(mark)) return text.slice(mark.length);
    return attachesPunctuation && ATTACHED.test(text) ? text : ` ${text}`;
  };
}

/** The bytes that each token is in a text, by the rules of a file. */
class RuleRenderer implements DecodeSource {
  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly rules: TokenRules,
  ) {}

  bytesOf(id: number): Uint8Array {
    const { vocabulary, rules } = this;
    checkTokenId(vocabulary, id);
    if (vocabulary.attributes[id] === 0) return new Uint8Array(0);
    let text = vocabulary.texts.at(id);
    const byte = rules.bytes === 'byteTokens' ? bytesOfByteToken(text) : undefined;
    if (byte !== undefined) return byte;
    for (const change of rules.changes) text = change(text);
    const bytes = utf8Bytes(text);
    if (rules.bytes !== 'byteAlphabet' || vocabulary.has(id, CONTROL | UNKNOWN | USER_DEFINED)) return bytes;
    const length = readByteAlphabet(bytes, 0, bytes.length, bytes, 0);
    return length < 0 ? utf8Bytes(text) : bytes.subarray(0, length);
  }

  isSpecial(id: number): boolean {
    return this.vocabulary.has(id, CONTROL | UNKNOWN);
  }
}
