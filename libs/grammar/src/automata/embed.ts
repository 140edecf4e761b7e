import { MAX_CODE_POINT } from './code-set.js';
import { DEAD, REJECT, type Dfa } from './dfa.js';
import type { Fragment, Nfa } from './nfa.js';

/** A deterministic automaton as a piece of a larger one; with `label`, only its texts with that label. */
export function embed<C>(nfa: Nfa<C>, dfa: Dfa, label?: number): Fragment {
  const end = nfa.state();
  const states = Array.from({ length: dfa.size }, () => nfa.state());
  for (let state = 1; state < dfa.size; state++) {
    for (let c = 0; c < dfa.classCount; c++) {
      const next = dfa.table[state * dfa.classCount + c];
      if (next !== DEAD)
        nfa.move(states[state], [dfa.classStarts[c], (dfa.classStarts[c + 1] ?? MAX_CODE_POINT + 1) - 1], states[next]);
    }
    if (label === undefined ? dfa.labels[state] !== REJECT : dfa.labels[state] === label) nfa.link(states[state], end);
  }
  return { start: states[dfa.start], end };
}
