import { until } from '../../../tools/jest/until.js';
import { generate, metrics, post, stream, user, type GenerateAnswer } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

let server: RunningServer;
beforeAll(async () => {
  // No answer comes to the end of such a context while a test looks.
  server = await startServer(['--parallel', '1', '--queue-limit', '2', '--queue-resume', '0', '--ctx-size', '65536']);
});
afterAll(async () => {
  await server?.stop();
});

const story = { messages: user('Tell me a long story about a fox.'), ignore_eos: true } as const;
const gauge = async (name: string) =>
  [...(await metrics(server.url))].find(([sample]) => sample.startsWith(`starling_${name}{`))?.[1];

/** Has the one slot taken for as long as `during` runs. */
async function whileBusy(during: () => Promise<void>): Promise<void> {
  const client = new AbortController();
  const events = stream(server.url, story, client.signal);
  await events.next();
  try {
    await during();
  } finally {
    client.abort();
    await events.return(undefined).catch(() => undefined);
    await until(async () => (await metrics(server.url)).get('starling_running_sequences') === 0);
  }
}

describe('a server whose queue is full', () => {
  it('refuses with 429, and says why, from its high watermark on until it is below the low one', async () => {
    const clients = [new AbortController(), new AbortController()];
    const ask = (signal?: AbortSignal) => post(`${server.url}/v1/generate`, { ...story, max_tokens: 1 }, { signal });
    await whileBusy(async () => {
      const waiting = clients.map(({ signal }) => ask(signal).catch(() => undefined));
      await until(async () => (await gauge('queue_depth')) === 2);
      expect(await gauge('queue_accepting')).toBe(0);
      const refused = await ask();
      expect(refused.status).toBe(429);
      expect(((await refused.json()) as GenerateAnswer).error).toMatchObject({ code: 'queue_full' });
      clients[0].abort();
      await until(async () => (await gauge('queue_depth')) === 1);
      expect((await ask()).status).toBe(429);
      expect((await metrics(server.url)).get('starling_dropped_total{reason="rejected-saturated"}')).toBe(2);
      clients[1].abort();
      await Promise.all(waiting);
      await until(async () => (await gauge('queue_accepting')) === 1);
    });
    expect((await ask()).status).toBe(200);
  });

  it('refuses at once what the estimate says cannot be in time, and says when to come again', async () => {
    await whileBusy(async () => {
      // Not before steps were measured.
      for (;;) {
        const refused = await post(`${server.url}/v1/generate`, { ...story, max_tokens: 1, max_wait_ms: 1 });
        if (((await metrics(server.url)).get('starling_dropped_total{reason="rejected-deadline"}') ?? 0) === 0)
          continue;
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(((await refused.json()) as GenerateAnswer).error).toMatchObject({
          code: 'deadline_exceeded',
          message: expect.stringContaining('if nobody else had work'),
        });
        break;
      }
    });
  });

  it('lets a request wait no longer than it will, and ends an answer at its deadline', async () => {
    await whileBusy(async () => {
      const { error } = await generate(server.url, { ...story, max_tokens: 1, max_wait_ms: 30 });
      expect(error).toMatchObject({ code: 'deadline_exceeded' });
    });
    const answer = await generate(server.url, { ...story, deadline_ms: 400 });
    // Where the machine is slow, it may not even have begun by then.
    expect(answer.error?.code ?? answer.finish_reason).toMatch(/^deadline/);
  });
});

describe('a server with limits for each tenant, and for waiting tokens', () => {
  it('has the others served past a tenant that has all it may have, and no more tokens wait than may', async () => {
    const own = await startServer([
      '--parallel',
      '2',
      '--tenant-running',
      '1',
      '--tenant-queue',
      '1',
      '--queue-tokens',
      '60',
      '--api-key',
      'a',
      '--api-key',
      'b',
      '--api-key',
      'c',
      '--admin-api-key',
      'boss',
    ]);
    const client = new AbortController();
    const ask = (key: string, body: object, signal?: AbortSignal) =>
      fetch(`${own.url}/v1/generate`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify(body),
        signal,
      });
    const long = { prompt: 'Once upon a time', ignore_eos: true, stream: true };
    const begun: Promise<unknown>[] = [];
    const begin = (key: string, body: object): void =>
      void begun.push(
        ask(key, body, client.signal)
          .then((response) => response.text())
          .catch(() => undefined),
      );
    const until = async (holds: (model: { running: number; queued: number }) => boolean): Promise<void> => {
      for (;;) {
        const status = (await (
          await fetch(`${own.url}/v1/status`, { headers: { authorization: 'Bearer boss' } })
        ).json()) as { models: { running: number; queued: number }[] };
        if (holds(status.models[0])) return;
      }
    };
    const dropped = async (reason: string): Promise<boolean> =>
      (await (await fetch(`${own.url}/metrics`, { headers: { authorization: 'Bearer boss' } })).text()).includes(
        `starling_dropped_total{reason="${reason}"} 1`,
      );

    begin('a', long);
    await until(({ running }) => running === 1);
    begin('a', long);
    await until(({ queued }) => queued === 1);
    // A slot is free, but not for this tenant; another finds its place in it.
    begin('b', long);
    await until(({ running, queued }) => running === 2 && queued === 1);
    const third = await ask('a', { prompt: 'a', max_tokens: 1 });
    expect([third.status, await dropped('rejected-tenant-limit')]).toEqual([429, true]);
    const tooLong = await ask('c', { prompt: 'a fox and a crow and '.repeat(20), max_tokens: 1 });
    expect([tooLong.status, await dropped('rejected-saturated')]).toEqual([429, true]);
    client.abort();
    await Promise.all(begun);
    // The server learns of it later than the client.
    await until(({ running, queued }) => running + queued === 0);
    expect((await ask('c', { prompt: 'a fox and a crow and '.repeat(20), max_tokens: 1 })).status).toBe(200);
    await own.stop();
  });
});

describe('a server that one key fills', () => {
  it('lets another key wait in the place of the last of those requests, which is told that no work was spent', async () => {
    const own = await startServer([
      '--parallel',
      '1',
      '--queue-limit',
      '2',
      '--ctx-size',
      '65536',
      '--api-key',
      'hog',
      '--api-key',
      'b',
      '--admin-api-key',
      'boss',
    ]);
    const client = new AbortController();
    const ask = async (key: string, body: object = story) => {
      const response = await post(
        `${own.url}/v1/generate`,
        { ...body, max_tokens: 1 },
        { signal: client.signal, headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` } },
      );
      return { status: response.status, ...((await response.json()) as GenerateAnswer) };
    };
    const waits = (queued: number) =>
      until(
        async () =>
          (
            (await (await fetch(`${own.url}/v1/status`, { headers: { authorization: 'Bearer boss' } })).json()) as {
              models: { queued: number }[];
            }
          ).models[0].queued === queued,
      );
    const events = stream(own.url, story, client.signal, 'hog');
    await events.next();
    const first = ask('hog').catch(() => undefined);
    await waits(1);
    const second = ask('hog');
    await waits(2);
    const refused = await ask('hog');
    expect(refused).toMatchObject({
      status: 429,
      error: { code: 'queue_full', message: expect.stringContaining('2 requests of this tenant wait') },
    });
    const other = ask('b').catch(() => undefined);
    expect(await second).toMatchObject({
      status: 429,
      error: { code: 'queue_full', message: expect.stringContaining('no work was spent') },
    });
    // Each has one now: of equals none gives way.
    const beyond = await ask('b');
    expect(beyond).toMatchObject({ status: 429, error: { message: expect.not.stringMatching(/2 requests|running/) } });
    const urgent = ask('boss', { ...story, priority: 5 }).catch(() => undefined);
    await until(async () =>
      (await (await fetch(`${own.url}/metrics`, { headers: { authorization: 'Bearer boss' } })).text()).includes(
        'starling_dropped_total{reason="rejected-displaced"} 2',
      ),
    );
    client.abort();
    await Promise.all([first, other, urgent, events.return(undefined).catch(() => undefined)]);
    await own.stop();
  });
});

describe('a server with --target-itl-ms', () => {
  const prompt = Array.from({ length: 300 }, (_, i) => 40 + (i % 50));

  /** Tokens of the prompt that each step beside a running answer computed. */
  async function chunksWith(target: number): Promise<number[]> {
    const own = await startServer(['--target-itl-ms', String(target), '--parallel', '2', '--ctx-size', '65536']);
    const complete = async (more: object): Promise<string> =>
      (
        await post(`${own.url}/completion`, { prompt, n_predict: 8, cache_prompt: false, ignore_eos: true, ...more })
      ).text();
    const client = new AbortController();
    try {
      // Steps are measured first: with a prompt alone, and while an answer is written.
      for (let i = 0; i < 3; i++) await complete({});
      const events = stream(own.url, story, client.signal);
      for (let i = 0; i < 20; i++) await events.next();
      const told = [
        ...(await complete({ stream: true, return_progress: true })).matchAll(/"prompt_progress":(\{[^}]*\})/g),
      ].map(([, progress]) => (JSON.parse(progress) as { processed: number }).processed);
      client.abort();
      await events.return(undefined).catch(() => undefined);
      expect(told.at(-1)).toBe(prompt.length);
      return told.map((processed, i) => processed - (told[i - 1] ?? 0)).filter((tokens) => tokens > 0);
    } finally {
      client.abort();
      await own.stop();
    }
  }

  it('computes prompts beside a running answer in chunks that fit it', async () => {
    const [short, long] = [await chunksWith(1), await chunksWith(60_000)];
    expect(Math.max(...long)).toBeGreaterThan(200);
    expect(Math.max(...short)).toBeLessThan(100);
    expect(short.length).toBeGreaterThan(3);
  });
});
