/** A request that would keep a thread busy for long. */
export interface HostileRequest {
  readonly name: string;
  readonly path: string;
  readonly body: object;
  /** What it is answered with. */
  readonly status: number;
  /** It is refused by a look at its body, or answered from what is known: there is no work to hold anybody up. */
  readonly isQuick?: boolean;
}

const generate = (constraint: object) => ({
  path: '/v1/generate',
  body: { prompt: 'a', max_tokens: 1, ...constraint },
});
const chat = (more: object) => ({
  path: '/v1/chat/completions',
  body: { messages: [{ role: 'user', content: 'a' }], max_tokens: 1, ...more },
});
const schema = (json_schema: object) => generate({ json_schema });
const listOf = <T>(length: number, make: (i: number) => T): T[] => Array.from({ length }, (_, i) => make(i));
const fieldsOf = (length: number, make: (i: number) => readonly [string, unknown]): object =>
  Object.fromEntries(listOf(length, make));
const rules = (count: number, rule: (i: number) => string) =>
  [...listOf(count, (i) => `${i === 0 ? 'root' : `r${i}`} ::= ${rule(i)}`), `r${count} ::= "c"`].join('\n');
const tool = (i: number) => ({
  type: 'function',
  function: {
    name: `tool_${i}`,
    description: `does ${i}`,
    parameters: {
      type: 'object',
      properties: { a: { type: 'string' }, b: { type: 'integer' }, c: { type: 'array', items: { type: 'number' } } },
      required: ['a'],
    },
  },
});

/**
 * Work that requests can bring along, each of it near what is taken at all.
 * @param scale makes what takes long shorter: 1 is near the limit
 */
export function hostileRequests(scale = 1): readonly HostileRequest[] {
  const many = (count: number): number => Math.ceil(count * scale);
  const text = 'The starling sings. '.repeat(many(350_000));
  return [
    {
      name: 'a text of 7 MB, with offsets and pieces',
      path: '/v1/tokenize',
      body: {
        text: 'The starling sings, and 12 others answer. '.repeat(many(170_000)),
        with_offsets: true,
        with_pieces: true,
      },
      status: 200,
    },
    {
      name: 'a text of 7 MB in one word',
      path: '/v1/tokenize',
      body: { text: 'ab'.repeat(many(3_500_000)) },
      status: 200,
    },
    {
      name: 'a letter with three million accents',
      path: '/v1/tokenize',
      body: { text: `e${'\u0301'.repeat(many(3_000_000))}` },
      status: 200,
    },
    { name: 'a prompt of 7 MB', ...generate({ prompt: text }), status: 400 },
    { name: 'a message of 7 MB', ...chat({ messages: [{ role: 'user', content: text }] }), status: 400 },
    {
      name: 'a conversation of 30,000 messages',
      ...chat({ messages: listOf(many(30_000), (i) => ({ role: 'user', content: `hello ${i}` })) }),
      status: 400,
    },
    {
      name: 'a message of 30,000 parts',
      path: '/v1/messages',
      body: {
        model: 'default',
        max_tokens: 1,
        messages: [{ role: 'user', content: listOf(30_000, (i) => ({ type: 'text', text: `hello ${i}` })) }],
      },
      status: 400,
    },
    {
      name: 'an image of 7 MB in the body',
      ...chat({
        messages: [
          {
            role: 'user',
            content: [
              { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(many(7_000_000))}` } },
            ],
          },
        ],
      }),
      status: 400,
      isQuick: true,
    },
    {
      name: 'a million ids',
      path: '/v1/detokenize',
      body: { tokens: listOf(many(1_000_000), (i) => 100 + (i % 400)) },
      status: 200,
    },
    {
      name: 'a prompt of a million ids',
      ...generate({ prompt: listOf(1_000_000, (i) => i % 400) }),
      status: 400,
    },
    {
      name: 'a schema with an automaton of 32,000 states',
      ...schema({ type: 'string', pattern: `^(a|b)*a(a|b){${scale < 1 ? 12 : 14}}$` }),
      status: 200,
    },
    {
      name: 'a schema with an automaton that is too large',
      ...schema({ type: 'string', pattern: '^(a|b)*a(a|b){20}$' }),
      status: 400,
    },
    {
      name: 'a schema of twenty such automata',
      ...schema({
        type: 'object',
        properties: fieldsOf(many(20), (i) => [
          `p${i}`,
          { type: 'string', pattern: `^(a|b)*a(a|b){${scale < 1 ? 11 : 13}}c{${i}}$` },
        ]),
      }),
      status: scale < 1 ? 200 : 400,
    },
    {
      name: 'a schema of all formats',
      ...schema({
        type: 'object',
        properties: Object.fromEntries(
          ['date-time', 'email', 'uuid', 'ipv6', 'uri', 'hostname'].map((format) => [
            format,
            { type: 'string', format },
          ]),
        ),
      }),
      status: 200,
    },
    {
      name: 'a schema of 4,000 properties',
      ...schema({ type: 'object', properties: fieldsOf(many(4000), (i) => [`property${i}`, { type: 'integer' }]) }),
      status: 200,
    },
    {
      name: 'a schema of 4,000 properties of which 3,000 may come',
      ...schema({
        type: 'object',
        properties: fieldsOf(many(4000), (i) => [`property${i}`, { type: 'integer' }]),
        maxProperties: many(3000),
      }),
      status: 200,
    },
    {
      name: 'a schema of 10,000 numbers',
      ...schema({ enum: listOf(many(10_000), (i) => i * 7.5) }),
      status: 200,
    },
    {
      name: 'a schema of 2,000 alternatives',
      ...schema({
        anyOf: listOf(many(2000), (i) => ({
          type: 'object',
          properties: { [`k${i}`]: { const: i } },
          required: [`k${i}`],
          additionalProperties: false,
        })),
      }),
      status: 200,
    },
    {
      name: 'a schema of a text of 60,000 characters',
      ...schema({ type: 'string', minLength: many(60_000), maxLength: 65_000 }),
      status: 200,
    },
    {
      name: 'a schema of 1,000 tools',
      ...chat({ tools: listOf(1000, tool), tool_choice: 'required' }),
      status: 400,
    },
    {
      name: 'a grammar of 5,000 rules in a chain',
      ...generate({ grammar: rules(many(5000), (i) => `"a" r${i + 1} | "b"`) }),
      status: 200,
    },
    {
      name: 'a grammar of 5,000 rules that mention the next one twice',
      ...generate({ grammar: rules(many(5000), (i) => `r${i + 1} | r${i + 1} "x"`) }),
      status: 200,
    },
    {
      name: 'a grammar of repetitions of repetitions',
      ...generate({ grammar: 'root ::= ((("a" | "b"){0,40}){0,40}){0,50}' }),
      status: 400,
    },
    {
      name: 'a body of a million empty lists',
      ...generate({ stop: listOf(1_000_000, () => []) }),
      status: 400,
      isQuick: true,
    },
    {
      name: 'a body of 700,000 names',
      ...generate(fieldsOf(700_000, (i) => [`k${i.toString(36)}`, 1])),
      status: 400,
      isQuick: true,
    },
    {
      name: 'a body of 130,000 stop strings',
      ...generate({ stop: listOf(many(130_000), (i) => `s${i}`) }),
      status: 400,
      isQuick: true,
    },
    {
      name: 'a bias for each of 128,000 tokens',
      ...generate({ logit_bias: fieldsOf(many(128_000), (i) => [String(i), 1]) }),
      status: 400,
      isQuick: true,
    },
    {
      name: 'metadata of 60,000 fields',
      ...chat({ metadata: fieldsOf(many(60_000), (i) => [`k${i}`, 'v']) }),
      status: 200,
    },
  ];
}
