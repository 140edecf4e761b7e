import { readClass } from './class-reader.js';
import { caseVariants, characterSet, WORD_WITH_FRACTIONS } from './character-sets.js';
import { PatternCursor } from './pattern-cursor.js';

/** Groups in groups, at most: deeper ones are taken for a broken file, and would be too much for the engine that runs them. */
const MAX_GROUP_DEPTH = 200;

const WORD = `[${WORD_WITH_FRACTIONS}]`;

/** Assertions and sets that an escape of one letter stands for. */
const LETTERS: ReadonlyMap<string, string> = new Map([
  ['A', '^'],
  ['z', '$'],
  ['Z', '(?=\\n?$)'],
  ['b', `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`],
  ['B', `(?:(?<=${WORD})(?=${WORD})|(?<!${WORD})(?!${WORD}))`],
  ['N', '[^\\n]'],
  ['O', '[\\s\\S]'],
  ['R', '(?:\\r\\n|(?!\\r\\n)[\\n-\\r\\x85\\u2028\\u2029])'],
]);

/** Lines begin and end at line feeds alone; a line feed at the end of the text begins no line. */
const LINE_START = '(?:^|(?<=\\n)(?!$))';
const LINE_END = '(?=\\n|$)';

interface Flags {
  readonly ignoresCase: boolean;
  /** A dot stands for a line feed too. */
  readonly dotsAll: boolean;
  /** Spaces and comments in the expression mean nothing. */
  readonly isExtended: boolean;
}

/** A group that is open: what was read of it so far, atom by atom. */
interface Group {
  readonly open: string;
  readonly close: string;
  readonly flags: Flags;
  readonly atoms: string[];
  /** It ends together with the group around it, as `(?i)` does. */
  readonly isImplied: boolean;
  readonly isLookbehind: boolean;
}

/**
 * A regular expression in Oniguruma's dialect, which tokenizer files have, as one of JavaScript: global, by code points.
 * @throws SyntaxError for what is no expression, or what has no like in JavaScript (`\G`, `\K`, `\X`, calls, absence)
 */
export function fromOniguruma(source: string): RegExp {
  return new RegExp(new Translator(source).run(), 'gv');
}

/** A text that matches itself alone, as a regular expression. */
export function literalRegex(text: string): RegExp {
  return new RegExp(Array.from(text, (character) => characterSet(character.codePointAt(0) ?? 0)).join(''), 'gv');
}

class Translator {
  private readonly cursor: PatternCursor;
  private readonly groups: Group[] = [];
  private group: Group = {
    open: '',
    close: '',
    flags: { ignoresCase: false, dotsAll: false, isExtended: false },
    atoms: [],
    isImplied: false,
    isLookbehind: false,
  };
  private atomicGroups = 0;
  private numberedGroups = 0;
  private readonly refersBack: boolean;
  /** Whether the last atom is one that a quantifier may follow. */
  private isQuantified = false;

  constructor(source: string) {
    this.cursor = new PatternCursor(source);
    this.refersBack = /\\[1-9k]/.test(source);
  }

  run(): string {
    while (!this.cursor.isAtEnd) this.step();
    while (this.group.isImplied) this.closeGroup();
    if (this.groups.length > 0) throw this.cursor.unsupported('a group without its closing parenthesis');
    return this.group.atoms.join('');
  }

  private step(): void {
    const { cursor } = this;
    const { flags } = this.group;
    if (this.quantifier()) return;
    if (cursor.take('\\')) this.escape();
    else if (cursor.take('[')) this.add(readClass(cursor, flags.ignoresCase));
    else if (cursor.take('(')) this.openGroup();
    else if (cursor.take(')')) this.closeWithImplied();
    else if (cursor.take('|')) this.add('|');
    else if (cursor.take('^')) this.add(LINE_START);
    else if (cursor.take('$')) this.add(LINE_END);
    else if (cursor.take('.')) this.add(flags.dotsAll ? '[\\s\\S]' : '[^\\n]');
    else if (flags.isExtended && cursor.match(/\s|#[^\n]*/y) !== undefined) return;
    else this.addCharacter(cursor.character());
  }

  private add(atom: string): void {
    this.group.atoms.push(atom);
    this.isQuantified = false;
  }

  private addCharacter(cp: number): void {
    const variants = this.group.flags.ignoresCase ? caseVariants(cp) : [cp];
    this.add(variants.length === 1 ? characterSet(cp) : `[${variants.map(characterSet).join('')}]`);
  }

  private escape(): void {
    const { cursor } = this;
    const named = LETTERS.get(cursor.peek());
    if (named !== undefined) {
      cursor.at++;
      this.add(named);
      return;
    }
    const reference = cursor.match(/[1-9]\d*|k<(\w+)>|k'(\w+)'/y);
    if (reference !== undefined) {
      const name = reference[1] ?? reference[2] ?? reference[0];
      const isOctal = Number(name) > Math.max(9, this.numberedGroups);
      if (!isOctal) return this.add(`\\k<${/^\d/.test(name) ? `group${name}` : name}>`);
      cursor.at -= reference[0].length;
    }
    if (/[GKXgyY]/.test(cursor.peek())) throw cursor.unsupported(`the escape \\${cursor.peek()}`);
    const set = cursor.escapedSet('outside');
    if (set !== undefined) this.add(`[${set}]`);
    else this.addCharacter(cursor.escapedCharacter());
  }

  private openGroup(): void {
    const { cursor } = this;
    if (cursor.match(/\?#[^)]*\)/y) !== undefined) return;
    const options = cursor.match(/\?([imx]*)(?:-([imx]*))?([:)])/y);
    if (options !== undefined) {
      const [, on, off = '', end] = options;
      const flag = (letter: string, now: boolean): boolean => (on.includes(letter) || now) && !off.includes(letter);
      const { flags } = this.group;
      this.push('(?:', {
        flags: {
          ignoresCase: flag('i', flags.ignoresCase),
          dotsAll: flag('m', flags.dotsAll),
          isExtended: flag('x', flags.isExtended),
        },
        isImplied: end === ')',
      });
      return;
    }
    if (cursor.take('?>')) return this.pushAtomic();
    if (cursor.take('?=')) return this.push('(?=');
    if (cursor.take('?!')) return this.push('(?!');
    if (cursor.take('?<=')) return this.push('(?<=', { isLookbehind: true });
    if (cursor.take('?<!')) return this.push('(?<!', { isLookbehind: true });
    const name = cursor.match(/\?<(\w+)>|\?'(\w+)'/y);
    if (name !== undefined) return this.push(`(?<${name[1] ?? name[2]}>`);
    if (cursor.peek() === '?') throw cursor.unsupported(`the group (${cursor.source.slice(cursor.at, cursor.at + 3)}`);
    // Groups are named, as those of atomic parts would shift their numbers; and only where something refers to them.
    this.push(this.refersBack ? `(?<group${++this.numberedGroups}>` : '(?:');
  }

  private push(open: string, options: Partial<Group> = {}): void {
    if (this.groups.length >= MAX_GROUP_DEPTH)
      throw this.cursor.unsupported(`groups in more than ${MAX_GROUP_DEPTH} others`);
    this.groups.push(this.group);
    const isLookbehind = this.group.isLookbehind || open.startsWith('(?<=') || open.startsWith('(?<!');
    this.group = { open, close: ')', flags: this.group.flags, isImplied: false, ...options, atoms: [], isLookbehind };
    // Nothing to repeat stands at the start of a group.
    this.isQuantified = false;
  }

  private pushAtomic(): void {
    this.push(...this.atomic());
  }

  /** What goes around a part that gives nothing back once it has matched: a lookahead, and what that found. */
  private atomic(): [open: string, rest: { close: string }] {
    if (this.group.isLookbehind) throw this.cursor.unsupported('an atomic group in a lookbehind');
    const name = `atomic${++this.atomicGroups}`;
    return [`(?:(?=(?<${name}>`, { close: `))\\k<${name}>)` }];
  }

  private closeWithImplied(): void {
    while (this.group.isImplied) this.closeGroup();
    this.closeGroup();
  }

  private closeGroup(): void {
    const outer = this.groups.pop();
    if (outer === undefined) throw this.cursor.unsupported('a closing parenthesis without its group');
    const { open, atoms, close } = this.group;
    this.group = outer;
    this.add(open + atoms.join('') + close);
  }

  /** Reads a quantifier, if one comes next, and puts it to the atom before. */
  private quantifier(): boolean {
    const { cursor, group } = this;
    const found = cursor.match(/([*+?])([?+]?)|\{(\d+)\}|\{(\d*),(\d*)\}(\??)/y);
    if (found === undefined) return false;
    const [text, sign, manner, count, low, high, lazy] = found;
    if (sign === undefined && count === undefined && low === '' && high === '') {
      for (const character of text) this.addCharacter(character.codePointAt(0) ?? 0);
      return true;
    }
    const atom = group.atoms.pop();
    if (atom === undefined || atom === '|') throw cursor.unsupported('a quantifier of nothing');
    const target = this.isQuantified || isAssertion(atom) ? `(?:${atom})` : atom;
    if (manner === '+') {
      const [open, { close }] = this.atomic();
      this.add(open + target + sign + close);
      return true;
    }
    const amount = sign ?? (count === undefined ? `{${low === '' ? '0' : low},${high}}` : `{${count}}`);
    this.add(target + amount + (manner === '?' || lazy === '?' ? '?' : ''));
    this.isQuantified = true;
    return true;
  }
}

/** Whether an atom is a lookahead, which may not be repeated as it stands. */
function isAssertion(atom: string): boolean {
  return /^(?:\(\?<?[=!]|[\^$]$)/.test(atom);
}
