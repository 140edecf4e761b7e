import { CharsMap } from '../text/chars-map.js';
import { codePointAt, sequenceLength, TEXT_START, utf8Bytes, utf8Text } from '../text/utf8.js';
import { charClasses, CONTROL, WHITE_SPACE } from '../text/char-class.js';
import { isChinese } from '../model/wordpiece-model.js';
import type { JsonNode } from './json-node.js';
import { literalRegex, toJsRegex } from './js-regex.js';
import { eachCharacter, replaceMatches, replaceRanges, type TextEdit } from './text-edit.js';

/** A run that normalizes as a whole: a character with the marks that follow it, or Hangul letters that may join. */
const COMPOSABLE = /[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff\uac00-\ud7a3\uffa0-\uffdc]+\p{M}*|[^\p{M}]\p{M}*|\p{M}+/gu;
const MARK = /^\p{M}$/u;
const NONSPACING_MARK = /^\p{Mn}$/u;
const SPACE = 0x20;

/** U+2581 is written as a space inside of this library, see `canonical.ts`. */
export const SPACE_MARK = '\u2581';

/** The steps of a `normalizer` section, in order. */
export function readNormalizers(node: JsonNode): TextEdit[] {
  if (node.isMissing) return [];
  const type = node.type();
  switch (type) {
    case 'Sequence':
      return node.get('normalizers').items().flatMap(readNormalizers);
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return [unicodeForm(type)];
    case 'Lowercase':
      return [lowercase];
    case 'StripAccents':
      return [without(MARK)];
    case 'Replace':
      return [replaceMatches(readPattern(node.get('pattern')), node.get('content').string())];
    case 'Prepend':
      return [prepend(node.get('prepend').string())];
    case 'Strip':
      return strip(node.get('strip_left').booleanOr(true), node.get('strip_right').booleanOr(true));
    case 'Precompiled':
      return node.get('precompiled_charsmap').isMissing ? [] : [precompiled(node.get('precompiled_charsmap').string())];
    case 'BertNormalizer':
      return bert(node);
    case 'Nmt':
      return [nmt];
    case 'ByteLevel':
      return [];
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
    return toJsRegex(source);
  } catch {
    throw regex.wrong('a regular expression that this library can run');
  }
}

function unicodeForm(form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): TextEdit {
  return replaceMatches(COMPOSABLE, (run) => (run.length === 1 && run.charCodeAt(0) < 0x80 ? run : run.normalize(form)));
}

const lowercase = eachCharacter((cp, write) => {
  for (const character of String.fromCodePoint(cp).toLowerCase()) write(character.codePointAt(0) ?? cp);
});

const without = (mark: RegExp): TextEdit =>
  eachCharacter((cp, write) => {
    if (cp < 0x300 || !mark.test(String.fromCodePoint(cp))) write(cp);
  });

const nmt = eachCharacter((cp, write) => {
  if ((cp >= 0x01 && cp <= 0x08) || cp === 0x0b || (cp >= 0x0e && cp <= 0x1f) || cp === 0x7f || cp === 0x8f || cp === 0x9f) return;
  const becomesSpace = cp === 0x09 || cp === 0x0a || cp === 0x0c || cp === 0x0d || cp === 0x1680 || (cp >= 0x200b && cp <= 0x200f) || cp === 0x2028 || cp === 0x2029 || cp === 0x2581 || cp === 0xfeff || cp === 0xfffd;
  write(becomesSpace ? SPACE : cp);
});

function prepend(content: string): TextEdit {
  return replaceMatches(/^(?=[\s\S])/gu, content);
}

function strip(left: boolean, right: boolean): TextEdit[] {
  const classes = charClasses();
  const isSpace = (bytes: Uint8Array, at: number): boolean => (classes[codePointAt(bytes, at)] & WHITE_SPACE) !== 0;
  return [
    replaceRanges(({ bytes, length }) => {
      let first = TEXT_START;
      while (left && first < length && isSpace(bytes, first)) first += sequenceLength(bytes[first]);
      let last = length;
      for (let at = length - 1; right && at >= first; at--) {
        if ((bytes[at] & 0xc0) === 0x80) continue;
        if (!isSpace(bytes, at)) break;
        last = at;
      }
      return [[TEXT_START, first, ''] as const, [last, length, ''] as const];
    }),
  ];
}

/**
 * SentencePiece's map, applied as the `tokenizers` library does it: a grapheme of up to five bytes takes the replacement of the first entry
 * that it begins with; else each of its characters does.
 */
function precompiled(base64: string): TextEdit {
  const map = new CharsMap(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
  const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
  const replaced = (text: string): string | undefined => {
    const bytes = utf8Bytes(text);
    for (let end = 1; end <= bytes.length; end++) {
      if (map.match(bytes, 0, end) > 0) return utf8Text(map.replacements.subarray(map.replacementStart, map.replacementEnd));
    }
    return undefined;
  };
  const replaceGrapheme = (grapheme: string): string => {
    const whole = utf8Bytes(grapheme).length < 6 ? replaced(grapheme) : undefined;
    return whole ?? Array.from(grapheme, (character) => replaced(character) ?? character).join('');
  };
  const pieces = replaceMatches(/[\s\S]+/gu, (text) => Array.from(graphemes.segment(text), ({ segment }) => replaceGrapheme(segment)).join(''));
  const perGrapheme = replaceMatches(/\r\n|[^\p{M}\u200d][\p{M}\u200d]*|[\p{M}\u200d]+/gu, replaceGrapheme);
  return (text) => (isAscii(text.bytes, text.length) ? perGrapheme(text) : agreeing(perGrapheme(text), pieces(text)));
}

/** Prefers the copy with fine origins where both have the same bytes. */
function agreeing<T extends { bytes: Uint8Array; length: number }>(fine: T, exact: T): T {
  if (fine.length !== exact.length) return exact;
  for (let i = 0; i < fine.length; i++) if (fine.bytes[i] !== exact.bytes[i]) return exact;
  return fine;
}

function isAscii(bytes: Uint8Array, end: number): boolean {
  for (let i = 0; i < end; i++) if (bytes[i] >= 0x80) return false;
  return true;
}

function bert(node: JsonNode): TextEdit[] {
  const classes = charClasses();
  const lower = node.get('lowercase').booleanOr(true);
  const edits: TextEdit[] = [];
  if (node.get('clean_text').booleanOr(true)) {
    edits.push(
      eachCharacter((cp, write) => {
        const isLayout = cp === 0x09 || cp === 0x0a || cp === 0x0d;
        if (cp === 0 || cp === 0xfffd || (!isLayout && (classes[cp] & CONTROL) !== 0)) return;
        write((classes[cp] & WHITE_SPACE) !== 0 ? SPACE : cp);
      }),
    );
  }
  if (node.get('handle_chinese_chars').booleanOr(true)) {
    edits.push(
      eachCharacter((cp, write) => {
        if (!isChinese(cp)) return write(cp);
        for (const part of [SPACE, cp, SPACE]) write(part);
      }),
    );
  }
  if (node.get('strip_accents').booleanOr(lower)) edits.push(unicodeForm('NFD'), without(NONSPACING_MARK));
  if (lower) edits.push(lowercase);
  return edits;
}
