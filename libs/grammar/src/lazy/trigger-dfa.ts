import { ALL_TEXTS, relabel, union } from '../automata/algebra.js';
import { Dfa } from '../automata/dfa.js';
import { reduce } from '../automata/reduce.js';
import { grammarError } from '../limits.js';
import { parseRegex } from '../regex/parse-regex.js';
import { regexDfa } from '../regex/regex-dfa.js';
import type { RegexNode } from '../regex/regex-node.js';

/** The label of a text that has no trigger in it yet. */
export const FREE = 1;
/** The label of a text that ends with its first trigger: this, and the trigger's number more. Nothing goes on from there. */
export const TRIGGERED = 2;

/**
 * All texts, apart by which of the triggers has come, if any: `texts` are numbered first.
 * @param texts triggers by their text
 * @param patterns triggers as regular expressions: the shortest match triggers
 */
export function triggerDfa(texts: readonly string[], patterns: readonly string[]): Dfa {
  if (texts.includes('')) throw grammarError('a trigger is empty: the grammar would begin at once');
  const nodes: RegexNode[] = [...texts.map(literal), ...patterns.map((pattern) => parseRegex(pattern))];
  if (nodes.length === 0) return relabel(ALL_TEXTS, FREE);
  const ends = nodes
    .map((node, i) => relabel(regexDfa(node, 'end'), TRIGGERED + i))
    .reduce((all, one) => union(all, one));
  if (ends.labels[ends.start] >= TRIGGERED)
    throw grammarError('a trigger matches the empty text: the grammar would begin at once');
  return stopWhenTriggered(union(ends, relabel(ALL_TEXTS, FREE)));
}

/** All texts that do not begin with one of the words, after any white space. */
export function textNotBeginning(words: readonly string[]): Dfa {
  const options = words.map(
    (word) => `\\s*${Array.from(word, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`).join('')}`,
  );
  const begins = relabel(regexDfa(parseRegex(`^(?:${options.join('|')})`), 'search'), TRIGGERED);
  return stopWhenTriggered(union(begins, relabel(ALL_TEXTS, FREE)));
}

function literal(text: string): RegexNode {
  return {
    kind: 'sequence',
    parts: Array.from(text, (char) => ({ kind: 'set', set: [char.codePointAt(0)!, char.codePointAt(0)!] })),
  };
}

function stopWhenTriggered(dfa: Dfa): Dfa {
  const table = dfa.table.slice();
  dfa.labels.forEach((label, state) => {
    if (label >= TRIGGERED) table.fill(0, state * dfa.classCount, (state + 1) * dfa.classCount);
  });
  return reduce(new Dfa(dfa.classStarts, table, dfa.labels, dfa.start));
}
