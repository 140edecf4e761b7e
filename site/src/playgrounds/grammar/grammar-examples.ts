import type { GrammarKind } from './follow-text.js';

/** What the playground begins with, for each kind of grammar. */
export const EXAMPLES: Readonly<
  Record<GrammarKind, { readonly label: string; readonly source: string; readonly text: string }>
> = {
  gbnf: {
    label: 'GBNF',
    source:
      'root  ::= greeting ", " name ("!" | ".")\ngreeting ::= "Hello" | "Good " ("morning" | "evening")\nname  ::= [A-ZÄÖÜ] [a-zäöü]+',
    text: 'Good evening, Jo',
  },
  schema: {
    label: 'JSON Schema',
    source: JSON.stringify(
      {
        type: 'object',
        properties: { name: { type: 'string', maxLength: 20 }, age: { type: 'integer', minimum: 0, maximum: 130 } },
        required: ['name', 'age'],
        additionalProperties: false,
      },
      null,
      2,
    ),
    text: '{"name": "Ada", "age": 13',
  },
  regex: { label: 'Regular expression', source: '\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])', text: '2026-1' },
};
