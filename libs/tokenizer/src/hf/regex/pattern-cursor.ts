import { ESCAPED_SETS, propertySet } from './character-sets.js';

/** Characters that an escape of one letter names. */
const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['t', 0x09],
  ['n', 0x0a],
  ['v', 0x0b],
  ['f', 0x0c],
  ['r', 0x0d],
  ['a', 0x07],
  ['e', 0x1b],
]);

/** A place in a regular expression that is being read. */
export class PatternCursor {
  at = 0;

  constructor(readonly source: string) {}

  get isAtEnd(): boolean {
    return this.at >= this.source.length;
  }

  peek(ahead = 0): string {
    return this.source[this.at + ahead] ?? '';
  }

  /** Whether `text` comes anywhere from `ahead` units on. */
  has(text: string, ahead: number): boolean {
    return this.source.indexOf(text, this.at + ahead) >= 0;
  }

  /** Steps over `text`, if it comes next. */
  take(text: string): boolean {
    if (!this.source.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  /** Steps over what a sticky expression matches here. */
  match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.source);
    if (found === null) return undefined;
    this.at += found[0].length;
    return found;
  }

  /** The code point that comes next, as it is written. */
  character(): number {
    const cp = this.source.codePointAt(this.at) ?? 0;
    this.at += cp > 0xffff ? 2 : 1;
    return cp;
  }

  /** A member of a class: a character, or a set as it is written in a class of JavaScript. */
  classMember(): number | string {
    if (!this.take('\\')) return this.character();
    if (this.take('b')) return 0x08;
    return this.escapedSet('inside') ?? this.escapedCharacter();
  }

  /** What follows a backslash, if it names a set of characters; `place` says where it stands, in brackets or not. */
  escapedSet(place: 'inside' | 'outside'): string | undefined {
    const property = this.match(/([pP])\{(\^?)([^}]*)\}/y);
    if (property !== undefined) {
      const set = propertySet(property[3]);
      if (set === undefined) throw this.unsupported(`the property ${property[3]}`);
      return (property[1] === 'P') === (property[2] === '^') ? set : `[^${set}]`;
    }
    const letter = this.peek();
    const set = ESCAPED_SETS.get(letter.toLowerCase())?.[place];
    if (set === undefined) return undefined;
    this.at++;
    return letter === letter.toLowerCase() ? set : `[^${set}]`;
  }

  /** What follows a backslash, as one character. */
  escapedCharacter(): number {
    if (this.isAtEnd) throw this.unsupported('a backslash at the end');
    const braced =
      this.match(/x\{([0-9A-Fa-f]{1,8})\}/y) ?? this.match(/x([0-9A-Fa-f]{0,2})/y) ?? this.match(/u([0-9A-Fa-f]{4})/y);
    if (braced !== undefined) return this.codePoint(parseInt(braced[1] === '' ? '0' : braced[1], 16));
    const octal = this.match(/o\{([0-7]{1,11})\}/y) ?? this.match(/([0-7]{1,3})/y);
    if (octal !== undefined) return this.codePoint(parseInt(octal[1], 8));
    const control = CONTROLS.get(this.peek());
    if (control !== undefined) {
      this.at++;
      return control;
    }
    if (/^(?:[uC]|M-)/.test(this.source.slice(this.at, this.at + 2)))
      throw this.unsupported(`the escape \\${this.peek()}`);
    return this.character();
  }

  /** What to say of an expression that cannot be run. */
  unsupported(what: string): SyntaxError {
    return new SyntaxError(`${what}, at ${this.at}`);
  }

  private codePoint(cp: number): number {
    if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff)) throw this.unsupported(`the code point ${cp.toString(16)}`);
    return cp;
  }
}
