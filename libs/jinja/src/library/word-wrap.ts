import { Str } from '../values/str.js';
import { linesOf } from './text.js';

export interface WrapOptions {
  readonly width: number;
  readonly breaksWords: boolean;
  readonly breaksOnHyphens: boolean;
  readonly wrap: Str;
}

/** Lines of at most `width` characters, as Python's `textwrap` breaks them: at white space, which goes, and behind hyphens. */
export function wordWrapped(text: Str, options: WrapOptions): Str {
  const size = Math.max(1, options.width);
  // A line of nothing stays one.
  const lines = linesOf(text, false).flatMap((line) => {
    const wrapped = wrapLine(line, { ...options, width: size });
    return wrapped.length === 0 ? [new Str('')] : wrapped;
  });
  return Str.join(lines.flatMap((line, i) => (i === 0 ? [line] : [options.wrap, line])));
}

const isSpace = (text: Str): boolean => text.text.trim() === '';

function wrapLine(line: Str, { width, breaksWords, breaksOnHyphens }: WrapOptions): Str[] {
  const chunks = chunksOf(line, breaksOnHyphens).reverse();
  const lines: Str[] = [];
  while (chunks.length > 0) {
    if (lines.length > 0 && isSpace(chunks[chunks.length - 1])) chunks.pop();
    const row: Str[] = [];
    let used = 0;
    while (chunks.length > 0 && used + chunks[chunks.length - 1].length <= width) {
      const chunk = chunks.pop();
      if (chunk === undefined) break;
      row.push(chunk);
      used += chunk.length;
    }
    const long = chunks.at(-1);
    if (long !== undefined && long.length > width) {
      if (breaksWords) {
        const end = breakOf(long, width - used, breaksOnHyphens);
        row.push(long.slice(0, end));
        chunks[chunks.length - 1] = long.slice(end);
      } else if (row.length === 0) {
        row.push(long);
        chunks.pop();
      }
    }
    const last = row.at(-1);
    if (last !== undefined && isSpace(last)) row.pop();
    if (row.length > 0) lines.push(Str.join(row));
  }
  return lines;
}

/** Where a word that is too long is cut, in units. */
function breakOf(word: Str, space: number, breaksOnHyphens: boolean): number {
  const end = word.unitOf(Math.max(1, space));
  const hyphen = breaksOnHyphens && word.length > space ? word.text.lastIndexOf('-', end - 1) : -1;
  return hyphen > 0 && /[^-]/.test(word.text.slice(0, hyphen)) ? hyphen + 1 : end;
}

/** Runs of white space, and words; these also end behind a hyphen between letters. */
function chunksOf(line: Str, breaksOnHyphens: boolean): Str[] {
  const chunks: Str[] = [];
  for (const match of line.text.matchAll(/\s+|\S+/g)) {
    const [word] = match;
    let from = 0;
    if (breaksOnHyphens && word.trim() !== '') {
      for (let at = word.indexOf('-'); at >= 0; at = word.indexOf('-', at + 1)) {
        if (!endsPart(word, at)) continue;
        chunks.push(line.slice(match.index + from, match.index + at + 1));
        from = at + 1;
      }
    }
    chunks.push(line.slice(match.index + from, match.index + word.length));
  }
  return chunks.filter((chunk) => chunk.text !== '');
}

const isLetter = (text: string | undefined): boolean => text !== undefined && /[^\d\W]/.test(text);

/** Whether the hyphen at `at` ends a part: two letters (or a letter, a hyphen, a letter) before it, and as many behind it. */
function endsPart(word: string, at: number): boolean {
  const before = isLetter(word[at - 1]) && (isLetter(word[at - 2]) || (word[at - 2] === '-' && isLetter(word[at - 3])));
  const behind = isLetter(word[at + 1]) && (isLetter(word[at + 2]) || (word[at + 2] === '-' && isLetter(word[at + 3])));
  return before && behind;
}
