import { ENGLISH, LANGUAGES, NAMES, PREFIXES, STEMS, SUFFIXES } from './word-lists.table.js';

/** What the benchmark runs on: kind of text and about 100 kB of it. */
export const CORPORA = { English: english, code, multilingual } as const;

export type CorpusName = keyof typeof CORPORA;

let state = 1;

function random(limit: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
}

const pick = <T>(items: readonly T[]): T => items[random(items.length)];
const chance = (percent: number): boolean => random(100) < percent;
const capital = (word: string): string => word[0].toUpperCase() + word.slice(1);

const common = ENGLISH.split(' ');

/** A word by Zipf's law: the k-th most common comes about 1 / k as often. */
function frequentWord(): string {
  return common[
    Math.min(common.length - 1, Math.floor(Math.exp((random(1000) / 1000) * Math.log(common.length + 1))) - 1)
  ];
}

function rareWord(): string {
  return (chance(50) ? pick(PREFIXES) : '') + pick(STEMS) + (chance(30) ? 'o' + pick(STEMS) : '') + pick(SUFFIXES);
}

function sentence(): string {
  const words: string[] = [];
  const length = 6 + random(18);
  for (let i = 0; i < length; i++) {
    const word = chance(8)
      ? rareWord()
      : chance(4)
        ? pick(NAMES)
        : chance(2)
          ? String(1 + random(2999))
          : frequentWord();
    words.push(word + (i < length - 1 && chance(8) ? ',' : chance(1) ? "'s" : ''));
  }
  return capital(words.join(' ')) + pick(['.', '.', '.', '.', '?', '!', ';']);
}

function until(chars: number, make: () => string): string {
  let text = '';
  while (text.length < chars) text += make();
  return text.slice(0, chars);
}

function english(chars: number): string {
  return until(chars, () => sentence() + (chance(15) ? '\n\n' : ' '));
}

function identifier(): string {
  const words = Array.from({ length: 1 + random(3) }, () => (chance(20) ? pick(STEMS) : pick(common)));
  return chance(60) ? words.map((word, i) => (i === 0 ? word : capital(word))).join('') : words.join('_');
}

function statement(depth: number): string {
  const pad = '  '.repeat(depth);
  const name = identifier();
  switch (random(8)) {
    case 0:
      return `${pad}const ${name} = ${identifier()}.${identifier()}(${identifier()}, ${random(1000)});\n`;
    case 1:
      return `${pad}if (${name} !== undefined && ${name}.length > ${random(64)}) {\n${block(depth + 1)}${pad}}\n`;
    case 2:
      return `${pad}for (let i = 0; i < ${name}.length; i++) {\n${block(depth + 1)}${pad}}\n`;
    case 3:
      return `${pad}// ${sentence()}\n`;
    case 4:
      return `${pad}return { ${name}, ${identifier()}: '${frequentWord()} ${frequentWord()}', count: 0x${random(65536).toString(16)} };\n`;
    case 5:
      return `${pad}${name}[${identifier()} + 1] = (${identifier()} * ${random(10)}.${random(100)}) >>> ${random(32)};\n`;
    case 6:
      return `${pad}await ${name}(async (${identifier()}) => ${identifier()} ?? null);\n`;
    default:
      return `\n${pad}/** ${sentence()} */\n${pad}export function ${name}(${identifier()}: string): number {\n${block(depth + 1)}${pad}}\n`;
  }
}

function block(depth: number): string {
  let text = '';
  for (let i = 0, count = depth > 3 ? 1 : 1 + random(4); i < count; i++)
    text += depth > 3 ? `${'  '.repeat(depth)}${identifier()}();\n` : statement(depth);
  return text;
}

function code(chars: number): string {
  return until(chars, () => statement(0));
}

function multilingual(chars: number): string {
  return until(chars, () => {
    const [separator, list] = pick(LANGUAGES);
    const words = list.split(' ');
    const length = 5 + random(20);
    return Array.from({ length }, () => pick(words)).join(separator) + pick(['. ', '。', ', ', '!\n', '? ', ' ']);
  });
}

/** The text of a corpus: the same each time. */
export function corpus(name: CorpusName, chars: number): string {
  state = 20_240_607;
  return CORPORA[name](chars);
}

/** A text in pieces of so many characters, never through a surrogate pair. */
export function pieces(text: string, chars: number): string[] {
  const result: string[] = [];
  for (let from = 0; from < text.length; ) {
    let to = Math.min(text.length, from + chars);
    if (to < text.length && text.charCodeAt(to) >= 0xdc00 && text.charCodeAt(to) <= 0xdfff) to++;
    result.push(text.slice(from, to));
    from = to;
  }
  return result;
}
