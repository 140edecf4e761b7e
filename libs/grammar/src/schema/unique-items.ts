import { countTexts, intersect, subtract, wordsOf } from '../automata/algebra.js';
import { AutomatonCache } from '../automata/compilation.js';
import type { Dfa } from '../automata/dfa.js';
import { numbersDfa } from '../number/number-dfa.js';
import { parseRegex } from '../regex/parse-regex.js';
import { regexDfa } from '../regex/regex-dfa.js';
import { itemAt } from './array-form.js';
import type { ArrayForm, Expression, Literal, Shape } from './model.js';
import { refuse, type SchemaNode } from './schema-document.js';
import type { ShapeBuilder } from './shape-builder.js';

/** Scalars written so that different texts are different values. */
export interface ScalarTexts {
  readonly literals: readonly Literal[];
  readonly strings: Dfa;
  /** Numbers without superfluous zeros, minus zero or exponents, of up to 15 digits. */
  readonly numbers: Dfa;
}

const plainNumbers = new AutomatonCache(1);

/** The scalars of a shape, apart from those used: strings as `JSON.stringify` writes them, other values as they are written. */
export function scalarTexts(shape: Shape, used: readonly string[]): ScalarTexts {
  const plain = plainNumbers.getCommon('', () =>
    regexDfa(parseRegex('0|-?(?:[1-9]\\d{0,14}|(?:0|[1-9]\\d{0,8})\\.\\d{0,5}[1-9])'), 'full'),
  );
  return {
    literals: [...shape.literals].filter((literal) => !used.includes(literal)),
    strings: subtract(
      shape.strings,
      wordsOf(used.filter((text) => text.startsWith('"')).map((text) => JSON.parse(text) as string)),
    ),
    numbers: subtract(intersect(numbersDfa(shape.numbers), plain), wordsOf(used)),
  };
}

/** How many different scalars there are. */
function countScalars({ literals, strings, numbers }: ScalarTexts): number {
  return literals.length + countTexts(strings)[strings.start] + countTexts(numbers)[numbers.start];
}

/**
 * The form with a bound that `uniqueItems` implies: no more items than there are different values.
 * @throws StarlingError invalid_grammar for items that are arrays or objects, and where few values are left for unlike positions
 */
export function boundUnique(builder: ShapeBuilder, form: ArrayForm): ArrayForm {
  if (!form.unique) return form;
  if (form.max <= 1) return { ...form, unique: undefined };
  const positions = [...new Set([...form.prefix, itemAt(form, form.prefix.length)])].filter(
    (item) => item !== builder.table.never,
  );
  const counts = positions.map((item) => countOf(builder, item, form.unique!));
  const max = Math.max(0, ...counts);
  const areAlike = positions.length <= 1 && form.contains.length === 0;
  if (!areAlike && counts.some((count) => count < Infinity))
    throw refuse(
      form.unique,
      'uniqueItems',
      'cannot be enforced beside prefixItems or contains, unless there is no end of values for each item',
    );
  return { ...form, max: Math.min(form.max, max) };
}

function countOf(builder: ShapeBuilder, item: Expression, demand: SchemaNode): number {
  const shape = builder.shapeOf(item);
  if (shape.arrays.length > 0 || shape.objects.length > 0)
    throw refuse(demand, 'uniqueItems', 'cannot be enforced for items that may be arrays or objects');
  return countScalars(scalarTexts(shape, []));
}
