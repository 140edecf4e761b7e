import fc from 'fast-check';
import { relabel, union, wordsOf } from '../automata/algebra.js';
import { DEAD, REJECT, type Dfa } from '../automata/dfa.js';
import { parseRegex } from '../regex/parse-regex.js';
import { regexDfa } from '../regex/regex-dfa.js';
import { ReachableGroups } from './key-groups.js';

/** The labels that a state leads to, by going everywhere. */
function labelsFrom({ table, classCount, labels }: Dfa, from: number): bigint {
  const seen = new Set([from]);
  let bits = 0n;
  for (const state of seen) {
    if (labels[state] !== REJECT) bits |= 1n << BigInt(labels[state] - 1);
    for (const next of table.subarray(state * classCount, (state + 1) * classCount)) if (next !== DEAD) seen.add(next);
  }
  return bits;
}

describe('the groups that keys can still belong to', () => {
  it('are those that their states lead to, whatever loops there are', () => {
    const languages = ['^a*b', '(ab|ba)*c$', '^(a(b(ca)*)*)*d$', 'b{2,5}', '^[ab]+(c|d)[ab]+$'];
    const keys = fc.uniqueArray(fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: 6 }), {
      maxLength: 70,
    });
    fc.assert(
      fc.property(keys, fc.subarray(languages), (names, patterns) => {
        const dfa = patterns.reduce(
          (all, pattern, i) => union(all, relabel(regexDfa(parseRegex(pattern), 'search'), names.length + i + 1)),
          wordsOf(names, (i) => i + 1),
        );
        const groups = new ReachableGroups(dfa);
        const reached = new Set([dfa.start]);
        for (const state of reached) {
          expect(groups.of(state)).toBe(state === DEAD ? 0n : labelsFrom(dfa, state));
          if (state === DEAD) continue;
          for (const next of dfa.table.subarray(state * dfa.classCount, (state + 1) * dfa.classCount))
            if (next !== DEAD) reached.add(next);
        }
      }),
      { numRuns: 60 },
    );
  });
});
