import { eventually, generate, metrics, stream, user } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

let server: RunningServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server?.stop();
});

const running = async () => (await metrics(server.url)).get('starling_running_sequences');
const allocated = async () => (await metrics(server.url)).get('starling_kv_bytes{state="allocated"}');

describe('a client that goes away', () => {
  it('frees its sequence and its pages at once', async () => {
    const client = new AbortController();
    const events = stream(server.url, { messages: user('Tell me a long story about a fox.'), ignore_eos: true, seed: 1 }, client.signal);
    await events.next();
    expect(await running()).toBe(1);
    expect(await allocated()).toBeGreaterThan(0);
    const steps = (await metrics(server.url)).get('starling_step_duration_seconds_count')!;
    client.abort();
    expect(await eventually(async () => (await running()) === 0, 500)).toBe(true);
    expect(await allocated()).toBe(0);
    // Steps of the model went on while the news travelled, but nowhere near the rest of the context.
    expect((await metrics(server.url)).get('starling_step_duration_seconds_count')! - steps).toBeLessThan(400);
  });

  it('leaves no page behind, 200 times, half of them at random', async () => {
    // A small fixed generator, so that a failure can be repeated.
    let state = 12345;
    const random = () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
    const one = async (i: number) => {
      const body = { messages: user(`Tell me a story about number ${i}.`), max_tokens: 30, seed: i };
      if (i % 2 === 0) return (await generate(server.url, body)).tokens.length > 0;
      const client = new AbortController();
      const cut = Math.floor(random() * 20);
      if (random() < 0.3) setTimeout(() => client.abort(), random() * 30);
      try {
        let seen = 0;
        for await (const _event of stream(server.url, body, client.signal)) {
          if (seen++ < cut) continue;
          client.abort();
          break;
        }
      } catch {
        // The abort surfaces here: what counts is what it leaves behind.
      }
      return true;
    };
    const width = 20;
    const results: boolean[] = [];
    for (let start = 0; start < 200; start += width) {
      results.push(...(await Promise.all(Array.from({ length: width }, (_, i) => one(start + i)))));
    }
    expect(results).toEqual(Array.from({ length: 200 }, () => true));
    expect(await eventually(async () => (await running()) === 0 && (await allocated()) === 0)).toBe(true);
  }, 120_000);
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
    for (const histogram of ['request_duration_seconds', 'queue_wait_seconds', 'time_to_first_token_seconds', 'prefill_tokens', 'batch_size', 'step_duration_seconds']) {
      expect(moved(`starling_${histogram}_count`)).toBeGreaterThan(0);
    }
    expect(after.get('starling_model_loaded_bytes{model="starling-demo-q8_0"}')).toBeGreaterThan(2e6);
  });

  it('show an event loop that stays free while eight answers are generated', async () => {
    const delays: number[] = [];
    // Other programs on the machine delay a process too: the best of three shows what this one does.
    for (let run = 0; run < 3 && !(Math.min(...delays) < 0.02); run++) {
      await metrics(server.url);
      await Promise.all(Array.from({ length: 8 }, (_, i) => generate(server.url, { messages: user('Tell me a story about a fox.'), seed: i, max_tokens: 200, ignore_eos: true })));
      delays.push((await metrics(server.url)).get('starling_event_loop_delay_seconds{quantile="0.99"}')!);
    }
    expect(Math.min(...delays)).toBeLessThan(0.02);
  });
});
