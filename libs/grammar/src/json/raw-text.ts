import { subtract } from '../automata/algebra.js';
import type { Dfa } from '../automata/dfa.js';
import { Nfa } from '../automata/nfa.js';
import { DfaAutomaton } from '../machine/code-automaton.js';
import type { Machine, StateBudget } from '../machine/machine.js';
import type { MachineSource } from '../machine/machine.js';
import { RuleMachine } from '../machine/rule-machine.js';
import { TextMachine } from '../machine/utf8-machine.js';
import { regexDfa } from '../regex/regex-dfa.js';
import type { RegexNode } from '../regex/regex-node.js';
import { emitTagged } from '../tools/emit-marker.js';

/** The texts of a language whose end is found at the first occurrence of what follows them: none holds it, or begins it with its own last characters. */
export function textBefore(strings: Dfa, end: string): Dfa {
  const chars = Array.from(end);
  const holding = regexDfa(literal(chars), 'search');
  // Where `end` may overlap itself, text must not bring the first part of it.
  const borders = chars
    .map((_, i) => i)
    .filter((length) => length > 0 && chars.slice(0, length).join('') === chars.slice(-length).join(''));
  const overlapping = borders.map((length) => regexDfa(literal(chars.slice(0, chars.length - length)), 'end'));
  return [holding, ...overlapping].reduce((texts, without) => subtract(texts, without), strings);
}

/** Text between two quotes, each of which may be a control token. */
export function quotedMachine(texts: Dfa, quote: string, budget: StateBudget): Machine {
  const nfa = new Nfa<MachineSource>();
  const text = new TextMachine(new DfaAutomaton(texts), budget);
  return new RuleMachine(
    nfa,
    nfa.sequence([emitTagged(nfa, quote), nfa.call(() => text), emitTagged(nfa, quote)]),
    budget,
  );
}

function literal(chars: readonly string[]): RegexNode {
  return {
    kind: 'sequence',
    parts: chars.map((char) => ({ kind: 'set', set: [char.codePointAt(0)!, char.codePointAt(0)!] })),
  };
}
