/** Schemas as requests have them, each with a valid value. */
export const SCHEMAS: Readonly<Record<string, { readonly schema: unknown; readonly value: unknown }>> = {
  twentyProperties: twenty(),
  nested: {
    schema: {
      type: 'object',
      properties: {
        title: { type: 'string', maxLength: 80 },
        tags: { type: 'array', items: { type: 'string', pattern: '^[a-z][a-z0-9-]*$' }, maxItems: 8 },
        author: {
          type: 'object',
          properties: { name: { type: 'string' }, email: { type: 'string', format: 'email' } },
          required: ['name'],
        },
        created: { type: 'string', format: 'date-time' },
        score: { type: 'number', minimum: 0, maximum: 1 },
      },
      required: ['title', 'tags', 'author'],
    },
    value: {
      title: 'A small step for a grammar',
      tags: ['json', 'llm', 'masks'],
      author: { name: 'Ada Lovelace', email: 'ada@analytical.engine.org' },
      created: '2024-02-29T12:34:56Z',
      score: 0.875,
    },
  },
  anyJson: {
    schema: true,
    value: { list: [1, 2.5, { deep: [null, true, 'text with "quotes" and ünïcode 日本語'] }], empty: {} },
  },
};

function twenty(): { schema: unknown; value: unknown } {
  const kinds: [unknown, unknown][] = [
    [{ type: 'string' }, 'The quick brown fox jumps over the lazy dog'],
    [{ type: 'integer' }, 12_345],
    [{ type: 'number' }, 3.14159],
    [{ type: 'boolean' }, true],
    [{ type: 'string', enum: ['red', 'green', 'blue'] }, 'green'],
    [{ type: 'array', items: { type: 'string' } }, ['alpha', 'beta gamma']],
    [{ type: ['string', 'null'] }, null],
    [{ type: 'string', maxLength: 200 }, 'At most two hundred characters, of which this uses some'],
    [{ type: 'integer', minimum: 0, maximum: 100 }, 42],
    [
      { type: 'object', properties: { x: { type: 'number' }, y: { type: 'number' } }, required: ['x', 'y'] },
      { x: 1.5, y: -2 },
    ],
  ];
  const names = [
    'id',
    'name',
    'title',
    'active',
    'status',
    'tags',
    'parent',
    'summary',
    'percent',
    'position',
    'city',
    'count',
    'ratio',
    'enabled',
    'color',
    'aliases',
    'owner',
    'notes',
    'level',
    'target',
  ];
  const properties = Object.fromEntries(names.map((name, i) => [name, kinds[i % kinds.length][0]]));
  const value = Object.fromEntries(names.map((name, i) => [name, kinds[i % kinds.length][1]]));
  return { schema: { type: 'object', properties, required: names, additionalProperties: false }, value };
}
