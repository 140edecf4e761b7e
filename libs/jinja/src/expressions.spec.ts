import fs from 'node:fs';
import path from 'node:path';
import { isStarlingError } from '@starling/core';
import { Template } from './template.js';
import { parseJson } from './values/parse-json.js';

/** What Python's Jinja2 makes of small expressions: see `test/make-golden.py`. */
interface Golden {
  readonly variables: Record<string, unknown>;
  readonly cases: readonly { readonly expression: string; readonly text?: string; readonly fails?: true }[];
}

const text = fs.readFileSync(path.resolve(import.meta.dirname, '../test/expressions.json'), 'utf8');
const { cases } = JSON.parse(text) as Golden;
const { variables } = parseJson(text) as Golden;

describe('expressions', () => {
  it.each(cases)('give what Python gives: $expression', ({ expression, text: expected }) => {
    let found: string | undefined;
    try {
      found = new Template(`{{ ${expression} }}`).render(variables).text;
    } catch (error) {
      if (!isStarlingError(error, 'invalid_template')) throw error;
    }
    expect(found).toBe(expected);
  });
});
