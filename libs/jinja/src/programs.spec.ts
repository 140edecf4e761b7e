import fs from 'node:fs';
import path from 'node:path';
import { isStarlingError } from '@starling/core';
import { Template } from './template.js';
import { parseJson } from './values/parse-json.js';

/** What Python's Jinja2 makes of small templates with statements: see `test/make-golden-programs.py`. */
interface Golden {
  readonly variables: Record<string, unknown>;
  readonly cases: readonly {
    readonly template: string;
    readonly text?: string;
    readonly raised?: string;
    readonly fails?: true;
  }[];
}

const text = fs.readFileSync(path.resolve(import.meta.dirname, '../test/programs.json'), 'utf8');
const { cases } = JSON.parse(text) as Golden;
const { variables } = parseJson(text) as Golden;
const now = () => ({ year: 2026, month: 3, day: 7, hour: 14, minute: 5, second: 9 });

/** The text, or why there is none: the words that the template raises. */
function outcome(template: string): { readonly text: string } | { readonly raised: string } | { readonly fails: true } {
  try {
    return { text: new Template(template, { now }).render(variables).text };
  } catch (error) {
    if (!isStarlingError(error, 'invalid_template')) throw error;
    return error.details.reason === 'raised' ? { raised: error.message } : { fails: true };
  }
}

describe('statements', () => {
  it.each(cases)('do what they do in Python: $template', ({ template, raised, ...expected }) => {
    expect(outcome(template)).toEqual(raised === undefined ? expected : { raised: expect.stringContaining(raised) });
  });

  it('that would escape text by themselves are refused', () => {
    expect(outcome('{% autoescape true %}{{ s }}{% endautoescape %}')).toEqual({ fails: true });
  });
});
