import { ALL_TEXTS, intersect, lengthBetween } from '../../automata/algebra.js';
import { AutomatonCache } from '../../automata/compilation.js';
import type { Dfa } from '../../automata/dfa.js';
import { LIMITS } from '../../limits.js';
import { ALL_NUMBERS } from '../../number/number-set.js';
import { parseRegex } from '../../regex/parse-regex.js';
import { regexDfa } from '../../regex/regex-dfa.js';
import { formatDfa, NUMBER_FORMATS } from '../formats.js';
import { countOf, textOf, type Keyword } from '../keyword-context.js';
import { placed, refuse, type SchemaNode } from '../schema-document.js';
import { anyValue } from '../shape.js';

/** `minLength`, `maxLength`, `pattern`. */
export const stringKeywords: Keyword = (context) => {
  const min = countOf(context, 'minLength') ?? 0;
  const max = countOf(context, 'maxLength');
  const pattern = textOf(context, 'pattern');
  if (min > LIMITS.stringLength)
    throw refuse(context.node, 'minLength', `at most ${LIMITS.stringLength} can be enforced`, {
      limit: 'stringLength',
    });
  let strings = pattern === undefined ? ALL_TEXTS : patternDfa(context.node, 'pattern', pattern);
  if (min > 0 || max !== undefined) {
    // A bound that a string of the longest length cannot pass only makes the automaton larger.
    const length = lengthBetween(min, max === undefined ? undefined : Math.min(max, LIMITS.stringLength));
    strings = strings === ALL_TEXTS ? length : placed(context.node, 'pattern', () => intersect(strings, length));
  }
  return anyValue(context.table, { strings });
};

/** `format`: enforced, never an annotation only. */
export const formatKeyword: Keyword = (context) => {
  const format = textOf(context, 'format')!;
  const bounds = NUMBER_FORMATS.get(format);
  if (bounds) return anyValue(context.table, { numbers: [{ ...ALL_NUMBERS, ...bounds }] });
  const strings = formatDfa(format);
  if (!strings)
    throw refuse(context.node, 'format', `the format ${JSON.stringify(format)} cannot be enforced`, { format });
  return anyValue(context.table, { strings });
};

const patterns = new AutomatonCache(200);

/** The strings in which an expression of a schema matches somewhere. */
export function patternDfa(node: SchemaNode, keyword: string, pattern: string): Dfa {
  return placed(node, keyword, () => patterns.get(pattern, () => regexDfa(parseRegex(pattern), 'search')));
}
