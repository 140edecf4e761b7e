import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { hasHaproxy, startHaproxy, type RunningHaproxy } from '../../../tools/fixtures/haproxy.js';
import { addKey } from '../src/access/key-file.js';
import { until } from '../../../tools/jest/until.js';
import { serveProcess, type ServedProcess } from '../src/served-process.test-support.js';

interface Completion {
  readonly choices: readonly [{ readonly message: object }];
  readonly usage: {
    readonly prompt_tokens_details: { readonly cached_tokens: number };
    readonly prompt_tokens: number;
  };
}

/** Three servers behind HAProxy as it is deployed, with their limits and their directory of sessions in one Redis, and one folder of what they store. It skips where there is no HAProxy, and fails with CI=true. */
export function replicasBehindHaproxy(redisUrl: () => string): void {
  if (!hasHaproxy && process.env.CI !== 'true') {
    it.skip('three replicas behind HAProxy (no haproxy: HAPROXY names it)', () => undefined);
    return;
  }
  describe('on three replicas behind HAProxy', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-replicas-'));
    const file = path.join(folder, 'keys.json');
    const keys = {
      few: addKey(file, { name: 'few', role: 'user', rpm: 4 }),
      any: addKey(file, { name: 'any', role: 'user' }),
    };
    let replicas: ServedProcess[] = [];
    let proxy: RunningHaproxy;
    const ask = (key: keyof typeof keys, messages: readonly object[], maxTokens = 8) =>
      fetch(`${proxy.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${keys[key]}` },
        body: JSON.stringify({ messages, temperature: 0, max_tokens: maxTokens }),
      });

    interface Turn {
      readonly status: number;
      readonly text: string;
      readonly usage: {
        readonly prompt_tokens: number;
        readonly completion_tokens: number;
        readonly cached_tokens: number;
      };
    }
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${keys.any}` };
    /** A turn of a session, at a replica or (undefined) at whichever the balancer chooses. */
    const turn = async (at: ServedProcess | undefined, session: string, content: string): Promise<Turn> => {
      const body = { session_id: session, messages: [{ role: 'user', content }], temperature: 0, max_tokens: 8 };
      const response = await fetch(`${(at ?? proxy).url}/v1/generate`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      return { status: response.status, ...((await response.json()) as Omit<Turn, 'status'>) };
    };
    const sessionsAt = async (at: ServedProcess) =>
      (await (await fetch(`${at.url}/v1/sessions`, { headers })).json()) as {
        readonly data: readonly { readonly session_id: string; readonly tokens: number }[];
      };
    const tokensAt = async (at: ServedProcess, session: string) =>
      (await sessionsAt(at)).data.find(({ session_id: id }) => id === session)?.tokens;

    // In such a context no answer comes to its end while a test looks. The balancer looks every second, twice.
    const start = (...more: string[]) =>
      serveProcess(
        ...['--api-keys-file', file, '--redis-url', redisUrl(), '--kv-dir', path.join(folder, 'kv'), '--kv-shared'],
        // One thread each: three servers, one of which starts, have the cores of one machine.
        ...['--ctx-size', '65536', '--threads', '1', '--shutdown-delay', '3', ...more],
      );
    beforeAll(async () => {
      replicas = await Promise.all([start(), start(), start()]);
      proxy = await startHaproxy(replicas.map(({ url }) => url) as [string, string, string]);
      const isUp = () =>
        fetch(`${proxy.url}/ready`).then(
          ({ status }) => status === 200,
          () => false,
        );
      while (!(await isUp())) await new Promise((resolve) => setTimeout(resolve, 50));
    });
    afterAll(async () => {
      await proxy?.stop();
      await Promise.all(replicas.map((replica) => replica.stop()));
      fs.rmSync(folder, { recursive: true });
    });

    it('a conversation stays where its beginning was computed', async () => {
      const messages: object[] = [
        { role: 'system', content: 'You add numbers.' },
        { role: 'user', content: 'What is 12 + 7?' },
      ];
      let known = 0;
      for (let turn = 0; turn < 4; turn++) {
        const { choices, usage } = (await (await ask('any', messages)).json()) as Completion;
        expect(usage.prompt_tokens_details.cached_tokens).toBeGreaterThanOrEqual(known);
        known = usage.prompt_tokens - 1;
        messages.push(choices[0].message, { role: 'user', content: `And ${turn} + 4?` });
      }
    });

    it('limits hold for all together', async () => {
      const statuses = await Promise.all(
        Array.from(
          { length: 9 },
          async (_, i) => (await ask('few', [{ role: 'user', content: `What is ${i} + 1?` }])).status,
        ),
      );
      expect(statuses.filter((status) => status === 200)).toHaveLength(4);
      expect(statuses.filter((status) => status === 429)).toHaveLength(5);
    });

    it('a session goes on at each of them from where another one left it, and closes for all', async () => {
      const here: Turn[] = [];
      const there: Turn[] = [];
      for (const [i, question] of ['What is 3 + 4?', 'What is 5 + 4?', 'What is 6 + 1?', 'What is 2 + 2?'].entries()) {
        here.push(await turn(replicas[0], 'stays', question));
        there.push(await turn(replicas[i % 3], 'moves', question));
      }
      const seen = (turns: readonly Turn[]) =>
        turns.map(({ status, text, usage }) => [status, text, usage.prompt_tokens]);
      expect(seen(there)).toEqual(seen(here));
      for (const replica of replicas)
        await until(async () => (await tokensAt(replica, 'moves')) === (await tokensAt(replicas[0], 'stays')));
      await fetch(`${replicas[1].url}/v1/session/close`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ session_id: 'moves' }),
      });
      for (const replica of replicas) await until(async () => (await tokensAt(replica, 'moves')) === undefined);
      expect((await turn(replicas[2], 'moves', 'What is 3 + 4?')).usage.prompt_tokens).toBe(
        here[0].usage.prompt_tokens,
      );
    });

    it('each is started anew in turn while clients go on: no request is lost, and no turn of a session', async () => {
      const statuses: number[] = [];
      const sessions = new Map<string, Turn[]>([
        ['one', []],
        ['two', []],
      ]);
      let isOver = false;
      const whileOpen = async (next: (n: number) => Promise<number>) => {
        for (let n = 0; !isOver; n++) statuses.push(await next(n));
      };
      const clients = [
        whileOpen(async (n) => {
          const response = await ask('any', [{ role: 'user', content: `What is 4 + ${n}?` }]);
          await response.text();
          return response.status;
        }),
        ...Array.from(sessions, ([name, turns]) =>
          whileOpen(async (n) => {
            const one = await turn(undefined, name, `What is ${n} + 1?`);
            turns.push(one);
            return one.status;
          }),
        ),
      ];
      const more = async (count: number) => {
        const goal = statuses.length + count;
        await until(() => statuses.length >= goal || statuses.some((status) => status !== 200));
      };
      try {
        for (const [i, replica] of replicas.entries()) {
          await more(4);
          await replica.stop();
          replicas[i] = await start('--port', new URL(replica.url).port);
          // Those that go on are asked while the balancer has not seen it yet; then it has its part again.
          await until(async () => (await fetch(`${replica.url}/ready`)).status === 200);
        }
        await more(8);
      } finally {
        isOver = true;
        await Promise.all(clients);
      }
      expect(new Set(statuses)).toEqual(new Set([200]));
      for (const turns of sessions.values()) {
        const usages = turns.map(({ usage }) => usage);
        // Each turn goes on from the whole of the one before, wherever that was answered.
        for (const [i, { prompt_tokens: tokens }] of usages.entries())
          if (i > 0) expect(tokens).toBeGreaterThan(usages[i - 1].prompt_tokens + usages[i - 1].completion_tokens);
        const sum = (field: keyof Turn['usage']) => usages.reduce((total, usage) => total + usage[field], 0);
        expect(sum('cached_tokens')).toBeGreaterThan(sum('prompt_tokens') / 2);
      }
    });

    it('one that goes on from a session keeps the others from it, and one that is killed loses none that was stored', async () => {
      const [first, second] = replicas;
      const whole = [await turn(second, 'whole', 'What is 3 + 4?'), await turn(second, 'whole', 'What is 5 + 4?')];
      expect((await turn(first, 'stored', 'What is 3 + 4?')).text).toBe(whole[0].text);
      const begun = await fetch(`${first.url}/v1/generate`, {
        method: 'POST',
        headers,
        body: JSON.stringify({
          session_id: 'stored',
          prompt: ' And',
          stream: true,
          ignore_eos: true,
          max_tokens: 100_000,
        }),
      });
      expect((await turn(second, 'stored', 'What is 5 + 4?')).status).toBe(409);
      await first.kill();
      replicas.shift();
      await begun.text().catch(() => undefined);
      // As it was stored: nothing of the turn that was cut. Whoever was killed is waited for no longer than its lease.
      let after: Turn | undefined;
      await until(async () => (after = await turn(undefined, 'stored', 'What is 5 + 4?')).status === 200);
      expect([after!.text, after!.usage.prompt_tokens]).toEqual([whole[1].text, whole[1].usage.prompt_tokens]);
    });

    it('what one had computed that stopped is read by the others, not computed again', async () => {
      const last = replicas.pop()!;
      const known = await turn(
        last,
        'spilled',
        'Tell me what you know of numbers, one after the other, from the first to the last.',
      );
      await last.stop();
      expect((await turn(replicas[0], 'spilled', 'And then?')).usage.cached_tokens).toBeGreaterThan(
        known.usage.prompt_tokens / 2,
      );
    });
  });
}
