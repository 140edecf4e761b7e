import { MAX_CODE_POINT } from '../automata/code-set.js';
import { DEAD, type Dfa } from '../automata/dfa.js';
import type { Nfa } from '../automata/nfa.js';
import { FREE, TRIGGERED } from './trigger-dfa.js';

/** Free text as a piece of an automaton: where it may end without a trigger, and where it goes on after one. */
export interface FreeText {
  readonly start: number;
  /** Reached, without reading, from every place before a trigger. */
  readonly free: number;
  readonly triggered: number;
}

/**
 * Adds free text, up to its first trigger. Control tokens may stand in it, and each begins it anew; those named are triggers.
 * @param optionalTokens triggers that a vocabulary need not have as tokens
 */
export function emitFreeText<C>(nfa: Nfa<C>, dfa: Dfa, tokens: readonly (number | string)[], optionalTokens: readonly string[]): FreeText {
  const [free, triggered] = [nfa.state(), nfa.state()];
  const states = Array.from({ length: dfa.size }, () => nfa.state());
  const start = states[dfa.start];
  for (let state = 1; state < dfa.size; state++) {
    if (dfa.labels[state] === TRIGGERED) nfa.link(states[state], triggered);
    if (dfa.labels[state] !== FREE) continue;
    nfa.link(states[state], free);
    for (let c = 0; c < dfa.classCount; c++) {
      const next = dfa.table[state * dfa.classCount + c];
      if (next !== DEAD) nfa.move(states[state], [dfa.classStarts[c], (dfa.classStarts[c + 1] ?? MAX_CODE_POINT + 1) - 1], states[next]);
    }
    nfa.tokens[states[state]].push({ edge: { kind: 'control', tokens: [...tokens, ...optionalTokens], optional: true }, to: start });
    if (tokens.length > 0) nfa.tokens[states[state]].push({ edge: { kind: 'only', tokens }, to: triggered });
    if (optionalTokens.length > 0) nfa.tokens[states[state]].push({ edge: { kind: 'only', tokens: optionalTokens, optional: true }, to: triggered });
  }
  return { start, free, triggered };
}
