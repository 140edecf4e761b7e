import { messageOf } from '@starling/core';
import { codePointAt, sequenceLength, TEXT_START } from '../text/utf8.js';
import { charClasses, WHITE_SPACE } from '../text/char-class.js';
import { isChinese } from '../model/wordpiece-model.js';
import type { JsonNode } from './json-node.js';
import { fromOniguruma, literalRegex } from './regex/oniguruma.js';
import { stepsOf } from './sequence.js';
import { eachCharacter, prependContent, replaceMatches, type TextEdit } from './text-edit.js';
import { toByteAlphabet } from './byte-level.js';
import { controls, marks, nonspacingMarks } from './character-tables.js';
import { precompiled } from './precompiled.js';
import { unicodeForm } from './unicode-form.js';

const SPACE = 0x20;

/** The steps of a `normalizer` section, in order. */
export function readNormalizers(section: JsonNode): TextEdit[] {
  return stepsOf(section, 'normalizers').flatMap(readNormalizer);
}

function readNormalizer(node: JsonNode): TextEdit[] {
  const type = node.type();
  switch (type) {
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return [unicodeForm(type)];
    case 'Lowercase':
      return [lowercase];
    case 'StripAccents':
      return [without(marks)];
    case 'Replace':
      return [replaceMatches(readPattern(node.get('pattern')), node.get('content').string())];
    case 'Prepend':
      return [prependContent(node.get('prepend').string())];
    case 'Strip':
      return [strip(node.get('strip_left').booleanOr(true), node.get('strip_right').booleanOr(true))];
    case 'Precompiled':
      return node.get('precompiled_charsmap').isMissing ? [] : [precompiled(node.get('precompiled_charsmap').string())];
    case 'BertNormalizer':
      return bert(node);
    case 'Nmt':
      return [nmt];
    case 'ByteLevel':
      return [toByteAlphabet];
    default:
      throw node.unsupported(`normalizer ${type}`);
  }
}

/** The regular expression of a `pattern`: `{"String": ...}` or `{"Regex": ...}`. */
export function readPattern(node: JsonNode): RegExp {
  if (typeof node.value === 'string') return literalRegex(node.value);
  const regex = node.get('Regex');
  if (regex.isMissing) return literalRegex(node.get('String').string());
  const source = regex.string();
  try {
    return fromOniguruma(source);
  } catch (cause) {
    throw regex.wrong(`a regular expression that this library can run (${messageOf(cause)})`);
  }
}

const lowercase = eachCharacter((cp) => {
  const lower = Array.from(String.fromCodePoint(cp).toLowerCase(), (character) => character.codePointAt(0) ?? cp);
  return lower.length === 1 ? lower[0] : lower;
});

const without = (table: () => Uint8Array): TextEdit => eachCharacter((cp) => (table()[cp] === 0 ? cp : undefined));

const nmt = eachCharacter((cp) => {
  if (
    (cp >= 0x01 && cp <= 0x08) ||
    cp === 0x0b ||
    (cp >= 0x0e && cp <= 0x1f) ||
    cp === 0x7f ||
    cp === 0x8f ||
    cp === 0x9f
  )
    return undefined;
  const becomesSpace =
    cp === 0x09 ||
    cp === 0x0a ||
    cp === 0x0c ||
    cp === 0x0d ||
    cp === 0x1680 ||
    (cp >= 0x200b && cp <= 0x200f) ||
    cp === 0x2028 ||
    cp === 0x2029 ||
    cp === 0x2581 ||
    cp === 0xfeff ||
    cp === 0xfffd;
  return becomesSpace ? SPACE : cp;
});

function strip(left: boolean, right: boolean): TextEdit {
  const classes = charClasses();
  const isSpace = (bytes: Uint8Array, at: number): boolean => (classes[codePointAt(bytes, at)] & WHITE_SPACE) !== 0;
  return (text) => {
    const { bytes, length } = text;
    let first = TEXT_START;
    while (left && first < length && isSpace(bytes, first)) first += sequenceLength(bytes[first]);
    let last = length;
    for (let at = length - 1; right && at >= first; at--) {
      if ((bytes[at] & 0xc0) === 0x80) continue;
      if (!isSpace(bytes, at)) break;
      last = at;
    }
    const result = text.successor();
    result.copy(text, first, last);
    return result;
  };
}

function bert(node: JsonNode): TextEdit[] {
  const classes = charClasses();
  const lower = node.get('lowercase').booleanOr(true);
  const edits: TextEdit[] = [];
  if (node.get('clean_text').booleanOr(true)) {
    edits.push(
      eachCharacter((cp) => {
        if (controls()[cp] !== 0) return undefined;
        return (classes[cp] & WHITE_SPACE) !== 0 ? SPACE : cp;
      }),
    );
  }
  if (node.get('handle_chinese_chars').booleanOr(true)) {
    edits.push(eachCharacter((cp) => (isChinese(cp) ? [SPACE, cp, SPACE] : cp)));
  }
  if (node.get('strip_accents').booleanOr(lower)) edits.push(unicodeForm('NFD'), without(nonspacingMarks));
  if (lower) edits.push(lowercase);
  return edits;
}
