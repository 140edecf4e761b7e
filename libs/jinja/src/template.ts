import { asStarlingError, limitReached } from './error.js';
import { Budget } from './interpreter/budget.js';
import { Interpreter } from './interpreter/interpreter.js';
import { Scope } from './interpreter/scope.js';
import { settle, type Steps } from './interpreter/steps.js';
import { globalsOf } from './library/globals.js';
import type { WallTime } from './library/strftime.js';
import { LIMITS, type Limits } from './limits.js';
import { Lexer, normalized } from './syntax/lexer.js';
import { TemplateParser } from './syntax/template-parser.js';
import type { Statement } from './syntax/tree.js';
import { toValue } from './values/convert.js';
import type { Origin } from './values/str.js';
import { metered } from './values/walk.js';

/** A stretch of a rendered text. */
export interface RenderedRun {
  /** Half-open range in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** The way from the variables to the value that the text is of or about, such as `['messages', 2, 'content']`. */
  readonly path: readonly (string | number)[];
  /** The template's own text, written while it was at that value; else text of the value. */
  readonly isTemplate: boolean;
}

/** A rendered template. Text outside all runs is the template's own. */
export interface Rendering {
  readonly text: string;
  readonly runs: readonly RenderedRun[];
}

export interface TemplateSetup {
  readonly limits?: Partial<Limits>;
  /** What `strftime_now` reads: local time. Default: the clock of the machine. */
  readonly now?: () => WallTime;
}

/** A template, read once and rendered as often as one likes. */
export class Template {
  readonly source: string;
  private readonly text: string;
  private readonly body: readonly Statement[];
  private readonly limits: Limits;
  private readonly now: () => WallTime;

  /** @throws StarlingError invalid_template with line and column for what is no template, or beyond the limits */
  constructor(source: string, { limits, now = localTime }: TemplateSetup = {}) {
    this.source = source;
    this.limits = { ...LIMITS, ...limits };
    this.now = now;
    this.text = normalized(source);
    try {
      if (source.length > this.limits.source)
        throw limitReached('source', `${source.length} characters, at most ${this.limits.source} are read`, 0);
      this.body = new TemplateParser(new Lexer(this.text).tokenize(), this.limits).parse();
    } catch (error) {
      throw asStarlingError(error, this.text, 0);
    }
  }

  /**
   * Renders with variables: JSON values of JavaScript (whole numbers are ints), or values of this library.
   * @throws StarlingError invalid_template with line and column; `details.raised` is what the template itself refused with
   */
  render(variables: Readonly<Record<string, unknown>> = {}): Rendering {
    return settle(this.renderSteps(variables));
  }

  /** The same step by step: between them, which are as long as a pass of an outer loop, others may run. */
  *renderSteps(variables: Readonly<Record<string, unknown>> = {}): Steps<Rendering> {
    const budget = new Budget(
      this.limits,
      Object.values(variables).reduce<number>(
        (most, value) => (Array.isArray(value) ? Math.max(most, value.length) : most),
        0,
      ),
    );
    const globals = new Scope();
    const interpreter = new Interpreter(globals, budget);
    try {
      for (const [name, value] of globalsOf(budget, this.now)) globals.set(name, value);
      for (const [name, value] of Object.entries(variables))
        if (value !== undefined) globals.set(name, toValue(value, [name]));
      yield;
      const { text, runs } = yield* counted(interpreter.render(this.body), budget);
      yield;
      return {
        text,
        runs: runs.map(({ start, end, origin, isTemplate }) => ({ start, end, path: pathOf(origin), isTemplate })),
      };
    } catch (error) {
      throw asStarlingError(error, this.text, interpreter.at);
    }
  }
}

/** Work with its walks through values counted, but none that others do in between. */
function* counted<T>(work: Steps<T>, budget: Budget): Steps<T> {
  for (;;) {
    const step = metered(budget, () => work.next());
    if (step.done === true) return step.value;
    yield;
  }
}

function pathOf({ path }: Origin): readonly (string | number)[] {
  return path;
}

function localTime(): WallTime {
  const now = new Date();
  return {
    year: now.getFullYear(),
    month: now.getMonth() + 1,
    day: now.getDate(),
    hour: now.getHours(),
    minute: now.getMinutes(),
    second: now.getSeconds(),
    microsecond: now.getMilliseconds() * 1000,
  };
}
