import { until } from '../../../tools/jest/until.js';
import { generate, metrics, stream, user } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

let server: RunningServer;
beforeAll(async () => {
  // No answer comes to the end of such a context while a test looks.
  server = await startServer(['--ctx-size', '65536']);
});
afterAll(async () => {
  await server?.stop();
});

const running = async () => (await metrics(server.url)).get('starling_running_sequences');
const allocated = async () => (await metrics(server.url)).get('starling_kv_bytes{state="allocated"}');

describe('a client that goes away', () => {
  it('frees its sequence and its pages at once', async () => {
    const client = new AbortController();
    const events = stream(
      server.url,
      { messages: user('Tell me a long story about a fox.'), ignore_eos: true, seed: 1 },
      client.signal,
    );
    await events.next();
    expect(await running()).toBe(1);
    expect(await allocated()).toBeGreaterThan(0);
    client.abort();
    await events.return(undefined).catch(() => undefined);
    await until(async () => (await running()) === 0);
    expect(await allocated()).toBe(0);
  });

  it('leaves no page behind, 200 times, half of them at random', async () => {
    const before = (await metrics(server.url)).get('starling_requests_total{route="/v1/generate",status="200"}') ?? 0;
    // A small fixed generator, so that a failure can be repeated.
    let state = 12345;
    const random = () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
    const one = async (i: number) => {
      const body = { messages: user(`Tell me a story about number ${i}.`), max_tokens: 30, seed: i };
      if (i % 2 === 0) return (await generate(server.url, body)).tokens.length > 0;
      // Cut after so many events, at the first one at the soonest: the rest of the answer, at least nine tokens, is never read.
      const client = new AbortController();
      const cut = 1 + Math.floor(random() * 20);
      let seen = 0;
      let last: string | undefined;
      try {
        for await (const { event } of stream(server.url, { ...body, ignore_eos: true }, client.signal)) {
          last = event;
          if (++seen < cut) continue;
          // Left at once: a client's own signal may be forgotten by its garbage collector, so that waiting for its error could take for ever.
          client.abort();
          break;
        }
      } catch (error) {
        // Newer versions of Node tell of the abort on leaving.
        if ((error as Error).name !== 'AbortError') throw error;
      }
      return last === 'token' && seen === cut;
    };
    const width = 20;
    const results: boolean[] = [];
    for (let start = 0; start < 200; start += width) {
      results.push(...(await Promise.all(Array.from({ length: width }, (_, i) => one(start + i)))));
    }
    expect(results).toEqual(Array.from({ length: 200 }, () => true));
    await until(async () => (await running()) === 0 && (await allocated()) === 0);
    const answered = async () =>
      (await metrics(server.url)).get('starling_requests_total{route="/v1/generate",status="200"}')! - before;
    await until(async () => (await answered()) === 200);
  });
});

describe('the metrics', () => {
  it('move with the work', async () => {
    const before = await metrics(server.url);
    await generate(server.url, { messages: user('What is 1 + 1?'), max_tokens: 8, temperature: 0 });
    await fetch(`${server.url}/nowhere`);
    const after = await metrics(server.url);
    const moved = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    expect(moved('starling_requests_total{route="/v1/generate",status="200"}')).toBe(1);
    expect(moved('starling_requests_total{route="none",status="404"}')).toBe(1);
    expect(moved('starling_generated_tokens_total')).toBeGreaterThan(0);
    expect(moved('starling_prompt_tokens_total{model="starling-demo-q8_0"}')).toBeGreaterThan(5);
    for (const histogram of [
      'request_duration_seconds',
      'queue_wait_seconds',
      'time_to_first_token_seconds',
      'prefill_tokens',
      'batch_size',
      'step_duration_seconds',
    ]) {
      expect(moved(`starling_${histogram}_count`)).toBeGreaterThan(0);
    }
    expect(after.get('starling_model_loaded_bytes{model="starling-demo-q8_0"}')).toBeGreaterThan(2e6);
  });

  it('show how long the event loop was held up while answers were generated', async () => {
    await Promise.all(
      Array.from({ length: 4 }, (_, i) =>
        generate(server.url, {
          messages: user('Tell me a story about a fox.'),
          seed: i,
          max_tokens: 50,
          ignore_eos: true,
        }),
      ),
    );
    expect((await metrics(server.url)).get('starling_event_loop_delay_seconds{quantile="0.99"}')).toBeGreaterThan(0);
  });
});
