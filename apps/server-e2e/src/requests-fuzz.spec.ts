import { Ajv2020 } from 'ajv/dist/2020.js';
import { until } from '../../../tools/jest/until.js';
import { generate, metrics } from './support/client.js';
import { randomSource, requestSource, type ApiDocument, type RandomRequest } from './support/random-requests.js';
import { startServer, TELLS_MEMORY, type RunningServer } from './support/starling-process.js';

/** The nightly run sends 100,000. */
const REQUESTS = Number(process.env.STARLING_FUZZ_REQUESTS ?? 2000);
const SEED = Number(process.env.STARLING_SEED ?? 1);
/** How many are under way at once. */
const LANES = 8;
/** How far the process may have grown between a fifth of the requests and all of them, garbage collected. */
const MAX_GROWTH_BYTES = 64 * 2 ** 20;
/** The same for what it holds: caches that fill up to what they may have. */
const MAX_HELD_GROWTH_BYTES = 24 * 2 ** 20;

let server: RunningServer;
beforeAll(async () => {
  server = await startServer(['-n', '4', '--ctx-size', '256', '--log-level', 'silent'], TELLS_MEMORY);
});
afterAll(async () => {
  await server?.stop();
});

type Check = (schema: object, body: unknown) => string | undefined;

/** Holds answers against the schemas that the document has for them. */
function checkBy(document: ApiDocument): Check {
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema(document, 'api');
  return (schema, body) =>
    ajv.validate('$ref' in schema ? { $ref: `api${String(schema.$ref)}` } : schema, body)
      ? undefined
      : ajv.errorsText();
}

/** What is wrong with a response; undefined: nothing. */
function faultOf(
  { status, headers }: Response,
  text: string,
  { operation: { responses } }: RandomRequest,
  check: Check,
): string | undefined {
  const json = responses[status]?.content?.['application/json'];
  if (status === 200 && headers.get('content-type') === 'application/json') {
    const problem = json ? check(json.schema, JSON.parse(text)) : 'there is none';
    if (problem !== undefined) return `an answer that has not its schema (${problem})`;
  }
  if (status === 500 || text.includes('went wrong inside the server')) return 'a fault of the server’s own';
  if (!(String(status) in responses) && !(status >= 400 && status < 500 && '4XX' in responses))
    return `status ${status}, which the document does not have`;
  if (status >= 400 && !text.includes('"error"')) return 'an error without an error';
  return undefined;
}

async function send(request: RandomRequest, isCut: boolean, check: Check): Promise<string | undefined> {
  const { method, path, body } = request;
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body,
  });
  if (isCut) {
    // Some clients go before the end.
    await response.body?.cancel();
    return undefined;
  }
  const text = await response.text();
  const fault = faultOf(response, text, request, check);
  return fault && `${fault}: ${method} ${path} ${body?.slice(0, 2000) ?? ''} => ${text.slice(0, 300)}`;
}

describe(`${REQUESTS} random requests`, () => {
  it(
    'are all answered or refused as the document says, and leave the server as it was',
    async () => {
      const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as ApiDocument;
      const random = randomSource(SEED);
      const check = checkBy(document);
      const next = requestSource(document, random);
      const faults: string[] = [];
      let sent = 0;
      const lane = async (count: number) => {
        while (sent < count && faults.length < 10) {
          sent++;
          const fault = await send(next(), random(50) === 0, check);
          if (fault !== undefined) faults.push(`seed ${SEED}, among the first ${sent}: ${fault}`);
        }
      };
      const sendUntil = (count: number) => Promise.all(Array.from({ length: LANES }, () => lane(count)));
      const memory = async () => ({ held: await server.collectedBytes(), resident: server.residentBytes() });
      await sendUntil(REQUESTS / 5);
      const early = await memory();
      await sendUntil(REQUESTS);
      expect(faults).toEqual([]);

      const answer = await generate(server.url, { prompt: 'Once', max_tokens: 5, ignore_eos: true });
      expect(answer.usage.completion_tokens).toBe(5);
      const isIdle = async () => {
        const now = await metrics(server.url);
        return now.get('starling_kv_bytes{state="allocated"}') === 0 && now.get('starling_running_sequences') === 0;
      };
      await until(isIdle);
      const late = await memory();
      expect(late.held - early.held).toBeLessThan(MAX_HELD_GROWTH_BYTES);
      if (early.resident !== undefined && late.resident !== undefined)
        expect(late.resident - early.resident).toBeLessThan(MAX_GROWTH_BYTES);
    },
    300_000 + REQUESTS * 60,
  );
});
