import { printable } from '@starling/core';

/** Select Graphic Rendition: what text looks like. */
const SGR = {
  bold: '1',
  dim: '2',
  italic: '3',
  underline: '4',
  struck: '9',
  code: '36',
  heading: '1;35',
  quote: '2;3',
  marker: '33',
} as const;
type Look = keyof typeof SGR;

const ESCAPE = '\u001b[';
const RESET = `${ESCAPE}0m`;

/** The beginning of a line that may become a mark of a block, or may not yet. */
const UNDECIDED = /^ {0,12}(#{0,6}|[-*+_]{0,3}|\d{0,9}[.)]?|>{0,8}|`{0,16}|~{0,16})$/;

/**
 * Markdown in colours, as it comes: what was handed out stays, so only what is not known yet is held back (a mark at the beginning of a line, a
 * run of stars). Marks of emphasis and of code are taken away, all else stays as it was written. Text that would steer the terminal is shown,
 * not sent.
 */
export class TerminalMarkdown {
  readonly #active = new Set<Look>();
  #pending = '';
  #isLineStart = true;
  /** The mark that closes the block of code, inside of one. */
  #fence: string | undefined;
  /** As many backticks close the code in a line. */
  #codeRun = 0;
  #previous = '';

  /** What can be shown now that this has come. */
  push(text: string): string {
    this.#pending += steerless(text);
    return this.#take(false);
  }

  /** The rest, and the terminal as it was. */
  end(): string {
    const rest = this.#take(true);
    const isStyled = this.#active.size > 0;
    this.#active.clear();
    return rest + (isStyled ? RESET : '');
  }

  #take(isEnd: boolean): string {
    let out = '';
    while (this.#pending !== '') {
      const [length, wasLineStart] = [this.#pending.length, this.#isLineStart];
      out += wasLineStart ? this.#lineStart(isEnd) : this.#inline(isEnd);
      // Neither taken nor decided: more has to come.
      if (this.#pending.length === length && this.#isLineStart === wasLineStart) break;
    }
    return out;
  }

  #lineStart(isEnd: boolean): string {
    const text = this.#pending;
    if (this.#fence !== undefined) return this.#codeLineStart(isEnd);
    if (UNDECIDED.test(text) && !isEnd) return '';
    this.#isLineStart = false;
    this.#previous = '\n';
    const fence = /^ {0,3}(`{3,}|~{3,})[^\n]*/.exec(text);
    if (fence) {
      if (!text.includes('\n') && !isEnd) {
        this.#isLineStart = true;
        return '';
      }
      this.#fence = fence[1];
      return this.#consume(fence[0].length, ['dim']);
    }
    const mark = /^( {0,12})(#{1,6} |[-*+] |\d{1,9}[.)] |>+ ?)/.exec(text);
    if (!mark) return '';
    const [whole, indent, sign] = mark;
    if (sign.startsWith('#')) {
      this.#pending = text.slice(whole.length);
      return this.#turn('heading', true);
    }
    if (sign.startsWith('>')) return this.#consume(whole.length, ['marker']) + this.#turn('quote', true);
    this.#pending = text.slice(whole.length);
    return `${indent}${this.#styled(/^[-*+] $/.test(sign) ? '• ' : sign, ['marker'])}`;
  }

  /** In a block of code a line is held back as long as it may be the one that ends it. */
  #codeLineStart(isEnd: boolean): string {
    const fence = this.#fence!;
    const text = this.#pending;
    const closing = new RegExp(`^ {0,3}${fence[0]}{${fence.length},}[ \\t]*(?=\\n|$)`).exec(text);
    const mayClose = /^ {0,3}[`~]*[ \t]*$/.test(text);
    if (mayClose && !isEnd) return '';
    this.#isLineStart = false;
    if (closing) {
      this.#fence = undefined;
      return this.#consume(closing[0].length, ['dim']);
    }
    return this.#turn('code', true);
  }

  #inline(isEnd: boolean): string {
    const text = this.#pending;
    if (text.startsWith('\n')) return this.#newLine();
    if (this.#fence !== undefined) return this.#consume(lengthTo(text, '\n'), []);
    const run = /^(`+|\*+|_+|~~)/.exec(text)?.[0];
    if (run === undefined) return this.#plain(text, isEnd);
    // How long the run is, and what follows it, says what it means.
    if (run.length === text.length && !isEnd) return '';
    return this.#mark(run, text[run.length] ?? '\n');
  }

  #plain(text: string, isEnd: boolean): string {
    if (text === '\\' && !isEnd) return '';
    if (text === '~' && !isEnd) return '';
    if (/^\\[!-/:-@[-`{-~]/.test(text) && this.#codeRun === 0) {
      this.#pending = text.slice(2);
      this.#previous = text[1];
      return text[1];
    }
    const end = text.slice(1).search(/[`*_~\\\n]/);
    return this.#consume(end < 0 ? text.length : end + 1, []);
  }

  #mark(run: string, next: string): string {
    const before = this.#previous;
    this.#pending = this.#pending.slice(run.length);
    this.#previous = run;
    if (run.startsWith('`')) {
      if (this.#codeRun === 0) {
        this.#codeRun = run.length;
        return this.#turn('code', true);
      }
      if (this.#codeRun !== run.length) return run;
      this.#codeRun = 0;
      return this.#turn('code', false);
    }
    if (this.#codeRun > 0) return run;
    if (run === '~~') return this.#toggle('struck', run, before, next);
    if (run.startsWith('_') && /[\p{L}\p{N}_]/u.test(before) && /[\p{L}\p{N}_]/u.test(next)) return run;
    if (run.length === 1) return this.#toggle('italic', run, before, next);
    if (run.length === 2) return this.#toggle('bold', run, before, next);
    if (run.length === 3) return this.#toggle('bold', '', before, next) + this.#toggle('italic', '', before, next);
    return run;
  }

  /** Emphasis opens before a word, and closes behind one; a mark that can do neither is text. */
  #toggle(look: Look, mark: string, before: string, next: string): string {
    if (this.#active.has(look)) return /\s/.test(before) ? mark : this.#turn(look, false);
    return /\s/.test(next) ? mark : this.#turn(look, true);
  }

  #newLine(): string {
    this.#pending = this.#pending.slice(1);
    this.#previous = '\n';
    this.#isLineStart = true;
    this.#codeRun = 0;
    const isStyled = this.#active.size > 0;
    this.#active.clear();
    return `${isStyled ? RESET : ''}\n`;
  }

  #consume(length: number, looks: readonly Look[]): string {
    const text = this.#pending.slice(0, length);
    this.#pending = this.#pending.slice(length);
    if (text !== '') this.#previous = text.at(-1)!;
    return looks.length === 0 ? text : this.#styled(text, looks);
  }

  #styled(text: string, looks: readonly Look[]): string {
    return `${ESCAPE}${looks.map((look) => SGR[look]).join(';')}m${text}${RESET}${this.#codes()}`;
  }

  #turn(look: Look, isOn: boolean): string {
    if (isOn) this.#active.add(look);
    else this.#active.delete(look);
    return isOn ? `${ESCAPE}${SGR[look]}m` : `${RESET}${this.#codes()}`;
  }

  /** What is on, written anew. */
  #codes(): string {
    return this.#active.size === 0 ? '' : `${ESCAPE}${[...this.#active].map((look) => SGR[look]).join(';')}m`;
  }
}

/** Text without what steers terminals: everything but line breaks and tabs that cannot be printed is written out. */
export function steerless(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .split(/([\n\t])/)
    .map((part) => (part === '\n' || part === '\t' ? part : printable(part)))
    .join('');
}

function lengthTo(text: string, mark: string): number {
  const at = text.indexOf(mark);
  return at < 0 ? text.length : at;
}
