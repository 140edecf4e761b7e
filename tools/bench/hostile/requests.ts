/** A request that would keep a thread busy for long. */
export interface HostileRequest {
  readonly name: string;
  readonly path: string;
  readonly body: object;
  /** What it is answered with. */
  readonly status: number;
  /** The server works on it for so long that much else happens meanwhile, on any machine. */
  readonly isLong?: boolean;
}

const generate = (constraint: object) => ({
  path: '/v1/generate',
  body: { prompt: 'a', max_tokens: 1, ...constraint },
});
const rules = (count: number, rule: (i: number) => string) =>
  [
    ...Array.from({ length: count }, (_, i) => `${i === 0 ? 'root' : `r${i}`} ::= ${rule(i)}`),
    `r${count} ::= "c"`,
  ].join('\n');

/** Work that requests can bring along, each of it near what is taken at all. */
export const HOSTILE_REQUESTS: readonly HostileRequest[] = [
  {
    name: 'a text of 7 MB, with offsets and pieces',
    path: '/v1/tokenize',
    body: { text: 'The starling sings, and 12 others answer. '.repeat(170_000), with_offsets: true, with_pieces: true },
    status: 200,
  },
  { name: 'a text of 7 MB in one word', path: '/v1/tokenize', body: { text: 'ab'.repeat(3_500_000) }, status: 200 },
  { name: 'a prompt of 7 MB', ...generate({ prompt: 'The starling sings. '.repeat(350_000) }), status: 400 },
  {
    name: 'a message of 7 MB',
    path: '/v1/chat/completions',
    body: { messages: [{ role: 'user', content: 'The starling sings. '.repeat(350_000) }] },
    status: 400,
  },
  {
    name: 'a million ids',
    path: '/v1/detokenize',
    body: { tokens: Array.from({ length: 1_000_000 }, (_, i) => 100 + (i % 400)) },
    status: 200,
  },
  {
    name: 'a schema with an automaton of 32,000 states',
    ...generate({ json_schema: { type: 'string', pattern: '^(a|b)*a(a|b){14}$' } }),
    status: 200,
  },
  {
    name: 'a schema with an automaton that is too large',
    ...generate({ json_schema: { type: 'string', pattern: '^(a|b)*a(a|b){20}$' } }),
    status: 400,
    isLong: true,
  },
  {
    name: 'a schema of twenty such automata',
    ...generate({
      json_schema: {
        type: 'object',
        properties: Object.fromEntries(
          Array.from({ length: 20 }, (_, i) => [`p${i}`, { type: 'string', pattern: `^(a|b)*a(a|b){13}c{${i}}$` }]),
        ),
      },
    }),
    status: 400,
    isLong: true,
  },
  {
    name: 'a schema of all formats',
    ...generate({
      json_schema: {
        type: 'object',
        properties: Object.fromEntries(
          ['date-time', 'email', 'uuid', 'ipv6', 'uri', 'hostname'].map((format) => [
            format,
            { type: 'string', format },
          ]),
        ),
      },
    }),
    status: 200,
  },
  {
    name: 'a schema of 4,000 properties',
    ...generate({
      json_schema: {
        type: 'object',
        properties: Object.fromEntries(Array.from({ length: 4000 }, (_, i) => [`property${i}`, { type: 'integer' }])),
      },
    }),
    status: 200,
  },
  {
    name: 'a grammar of 5,000 rules in a chain',
    ...generate({ grammar: rules(5000, (i) => `"a" r${i + 1} | "b"`) }),
    status: 200,
  },
  {
    name: 'a grammar of 5,000 rules that mention the next one twice',
    ...generate({ grammar: rules(5000, (i) => `r${i + 1} | r${i + 1} "x"`) }),
    status: 200,
  },
  {
    name: 'a grammar of repetitions of repetitions',
    ...generate({ grammar: 'root ::= ((("a" | "b"){0,40}){0,40}){0,50}' }),
    status: 400,
  },
  {
    name: 'a body of a million empty lists',
    path: '/v1/generate',
    body: { prompt: 'a', stop: Array.from({ length: 1_000_000 }, () => []) },
    status: 400,
  },
];
