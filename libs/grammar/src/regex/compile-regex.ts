import { isEmpty } from '../automata/algebra.js';
import { grammarError } from '../limits.js';
import { DfaAutomaton } from '../machine/code-automaton.js';
import { Grammar } from '../machine/grammar.js';
import { TextMachine } from '../machine/utf8-machine.js';
import { parseRegex } from './parse-regex.js';
import { regexDfa } from './regex-dfa.js';

export interface RegexOptions {
  /** `full` (default): the expression is the whole output. `search`: it occurs somewhere in it, as `RegExp.test` has it. */
  readonly match?: 'full' | 'search';
  /** Flags of ECMAScript: `s`, `i`; `u` and `v` are taken as given. */
  readonly flags?: string;
}

/**
 * Compiles a regular expression in ECMAScript syntax. Greedy and lazy repetitions mean the same; what is not regular
 * (backreferences), lookbehind, and lookahead inside of repetitions are refused by name.
 * @throws StarlingError invalid_grammar: a syntax error or refusal (with the position), an expression that matches nothing, or one
 *   that meets a limit (`details.limit`)
 */
export function compileRegex(pattern: string, options: RegexOptions = {}): Grammar {
  const flags = options.flags ?? '';
  const unknown = /[^siuv]/.exec(flags);
  if (unknown)
    throw grammarError(`the flag ${unknown[0]} has no meaning for a grammar; known are s, i, u and v`, { flags });
  const node = parseRegex(pattern, { dotAll: flags.includes('s'), ignoreCase: flags.includes('i') });
  const dfa = regexDfa(node, options.match ?? 'full');
  if (isEmpty(dfa)) throw grammarError(`no text matches the regular expression /${pattern.slice(0, 80)}/`);
  return new Grammar((budget) => new TextMachine(new DfaAutomaton(dfa), budget));
}
