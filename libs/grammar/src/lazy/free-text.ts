import { MAX_CODE_POINT } from '../automata/code-set.js';
import { DEAD, type Dfa } from '../automata/dfa.js';
import type { Nfa } from '../automata/nfa.js';
import { FREE, TRIGGERED } from './trigger-dfa.js';

/** Free text as a piece of an automaton: where it may end without a trigger, and where it goes on after each. */
export interface FreeText {
  readonly start: number;
  /** Reached, without reading, from every place before a trigger. */
  readonly free: number;
  /** (triggers) where it goes on after each trigger of the automaton, and after those that are tokens as the last. */
  readonly triggered: readonly number[];
}

export interface FreeTextOptions {
  /** Triggers that are tokens, by id or text: the vocabulary must have them. */
  readonly tokens?: readonly (number | string)[];
  /** Texts that a vocabulary may have as tokens: such a token is read as its text. */
  readonly tags?: readonly string[];
  /** Text that has been read already. */
  readonly begun?: string;
}

/**
 * Adds free text, up to its first trigger. Control tokens may stand in it, and each that has no text here begins it anew.
 * @param dfa texts by triggers, see `triggerDfa`
 * @param count triggers of the automaton
 */
export function emitFreeText<C>(
  nfa: Nfa<C>,
  dfa: Dfa,
  count: number,
  { tokens = [], tags = [], begun = '' }: FreeTextOptions = {},
): FreeText {
  const free = nfa.state();
  const triggered = Array.from({ length: count + 1 }, () => nfa.state());
  const states = Array.from({ length: dfa.size }, () => nfa.state());
  const start = states[dfa.start];
  for (let state = 1; state < dfa.size; state++) {
    const label = dfa.labels[state];
    if (label >= TRIGGERED) nfa.link(states[state], triggered[label - TRIGGERED]);
    if (label !== FREE) continue;
    nfa.link(states[state], free);
    for (let c = 0; c < dfa.classCount; c++) {
      const next = dfa.table[state * dfa.classCount + c];
      if (next !== DEAD)
        nfa.move(states[state], [dfa.classStarts[c], (dfa.classStarts[c + 1] ?? MAX_CODE_POINT + 1) - 1], states[next]);
    }
    nfa.tokenMove(states[state], { kind: 'control', tokens: [...tokens, ...tags], optional: true }, start);
    if (tokens.length > 0) nfa.tokenMove(states[state], { kind: 'only', tokens }, triggered[count]);
    for (const tag of tags) {
      const next = afterText(dfa, state, tag);
      if (next !== DEAD) nfa.tokenMove(states[state], { kind: 'only', tokens: [tag], optional: true }, states[next]);
    }
  }
  return { start: states[afterText(dfa, dfa.start, begun)], free, triggered };
}

/** The state after a text; nothing goes on after a trigger inside of it. */
function afterText(dfa: Dfa, from: number, text: string): number {
  let state = from;
  for (const char of text) state = dfa.next(state, char.codePointAt(0) ?? 0);
  return state;
}
