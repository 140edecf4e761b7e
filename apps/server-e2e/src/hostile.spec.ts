import { hostileRequests } from '../../../tools/bench/hostile/requests.js';
import { post, stream } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

/** So many probes are answered while a request is worked on: of a server that it held up, those that came before it was read, one or two. */
const PROBES = 3;
/** Of what is near the limit: enough to be worked on while others are answered. */
const SCALE = 0.2;

let server: RunningServer;
let tokens = 0;
const client = new AbortController();
let streaming: Promise<void>;

/** Counts tokens of answers, one after another, for as long as the tests run. */
async function readAnswers(): Promise<void> {
  while (!client.signal.aborted) {
    try {
      for await (const { event } of stream(
        server.url,
        { prompt: 'Once', ignore_eos: true, cache_prompt: false },
        client.signal,
      ))
        if (event === 'token') tokens++;
    } catch (error) {
      if (!client.signal.aborted) throw error;
    }
  }
}

beforeAll(async () => {
  server = await startServer();
  streaming = readAnswers();
});
afterAll(async () => {
  client.abort();
  await streaming;
  await server?.stop('SIGKILL');
});

/** How many probes were answered, and tokens made for another, while a request was worked on. */
async function besides(url: string, json: string): Promise<{ probes: number; generated: number; status: number }> {
  const before = tokens;
  let isAnswered = false;
  let probes = 0;
  const answered = post(url, json).then(async (response) => {
    await response.arrayBuffer();
    isAnswered = true;
    return response.status;
  });
  // What is answered before it is counts, however long either takes.
  while (!isAnswered) {
    const probe = await fetch(`${server.url}/health`);
    await probe.body?.cancel();
    if (!isAnswered && probe.status === 200) probes++;
  }
  return { probes, generated: tokens - before, status: await answered };
}

describe('a request that brings much work along holds up nobody', () => {
  it.each(hostileRequests(SCALE).map((request) => [request.name, request] as const))(
    '%s',
    async (_, { path, body, status, isQuick = false }) => {
      const json = JSON.stringify(body);
      const isServed = ({ probes, generated }: { probes: number; generated: number }) =>
        isQuick || (probes > PROBES && generated > PROBES);
      let seen = await besides(server.url + path, json);
      // Who asks may have been held up by others of the machine: whoever is held up by the server is so each time.
      for (let again = 0; again < 3 && !isServed(seen); again++) seen = await besides(server.url + path, json);
      // On a slow machine its time is up first.
      expect([status, 422]).toContain(seen.status);
      if (!isServed(seen)) expect(seen).toEqual({ probes: `over ${PROBES}`, generated: `over ${PROBES}` });
    },
  );
});
