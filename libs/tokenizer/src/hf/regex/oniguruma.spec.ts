import { goldenExpressions } from '../../golden.test-support.js';
import { TEXT_START, utf8Bytes, utf8Text } from '../../text/utf8.js';
import { NormalizedText } from '../normalized-text.js';
import { cutStep, splitStep, type Pieces, type SplitBehavior } from '../piece-steps.js';
import { splitterFor } from '../regex-stage.js';
import { fromOniguruma } from './oniguruma.js';

const { texts, rows } = goldenExpressions();

function whole(text: string): Pieces {
  const bytes = utf8Bytes(' '.repeat(TEXT_START) + text);
  const copy = NormalizedText.of(bytes, TEXT_START, bytes.length);
  return { text: copy, ranges: [TEXT_START, copy.length] };
}

function stringsOf({ text, ranges }: Pieces): string[] {
  return Array.from({ length: ranges.length / 2 }, (_, i) =>
    utf8Text(text.bytes.subarray(ranges[i * 2], ranges[i * 2 + 1])),
  );
}

const pieces = (expression: RegExp, text: string, behavior: SplitBehavior): string[] =>
  stringsOf(splitStep(expression, behavior, false)(whole(text)));

describe('an expression in the dialect of Oniguruma', () => {
  it.each(rows)('cuts as there: %s', (source, isolated, contiguous) => {
    const expression = fromOniguruma(source);
    expect(texts.map((text) => pieces(expression, text, 'Isolated'))).toEqual(isolated);
    expect(texts.map((text) => pieces(expression, text, 'Contiguous'))).toEqual(contiguous);
  });

  it.each(rows)('has a splitter that cuts as there: %s', (source, isolated) => {
    const cut = cutStep(splitterFor(source, fromOniguruma(source)));
    expect(texts.map((text) => stringsOf(cut(whole(text))))).toEqual(isolated);
  });

  it.each([
    '(a',
    'a)',
    '[a',
    '*a',
    'a|*',
    '\\',
    '[z-a]',
    '[[:beta:]]',
    '\\p{Klingon}',
    '\\x{110000}',
    '\\Ga',
    'a\\Kb',
    '\\X',
    '(?~a)',
    '(?<=a++)b',
    '(a)\\2',
    '[]',
    '[^]',
  ])('is refused where nothing is the like of it: %s', (source) => {
    expect(() => fromOniguruma(source)).toThrow(SyntaxError);
  });

  it.each([
    ['groups', '(', ')'],
    ['atomic groups', '(?>', ')'],
    ['options', '(?i)', ''],
    ['brackets', '[a', ']'],
    ['brackets that are open', '[', ''],
    ['lookaheads', '(?=', ')'],
  ])('is refused, not followed, 100000 deep: %s', (_name, open, close) => {
    expect(() => fromOniguruma(open.repeat(100_000) + 'a' + close.repeat(100_000))).toThrow(SyntaxError);
  });
});
