import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { generate, metrics } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-kill-'));
let server: RunningServer | undefined;
afterAll(async () => {
  await server?.stop('SIGKILL');
  fs.rmSync(folder, { recursive: true });
});

/** Moments at which the process is killed. */
const KILLS = process.env.STARLING_FUZZ_CASES === undefined ? 2 : 200;
const NAMES = Array.from({ length: 6 }, (_, i) => `chat-${i}`);
/** A session has room for 256: with fewer than these it can go on for some turns. */
const LONG_TOKENS = 128;
/** Milliseconds of traffic before the end, at most. */
const LONGEST_MS = 1500;

interface Listed {
  readonly session_id: string;
  readonly saved: boolean;
  readonly tokens: number;
}

const sessionsOf = async (url: string): Promise<Listed[]> =>
  ((await (await fetch(`${url}/v1/sessions`)).json()) as { data: Listed[] }).data;
const greedy = { temperature: 0, max_tokens: 4, ignore_eos: true };
const question = { ...greedy, prompt: `Once upon a time there was ${'a fox and a crow and '.repeat(12)}a bear.` };

describe('a server that is killed while it stores keys, values and sessions', () => {
  it(
    `serves at its next start, and has every session that it said was saved (${KILLS} times)`,
    async () => {
      /** What was said to be saved, and how long it was then: a session only grows here. */
      const saved = new Map<string, number>();
      let right: number[] | undefined;
      let spilledBytes = 0;
      for (let round = 0; round <= KILLS; round++) {
        // Room for two of the six at a time.
        server = await startServer(['--kv-dir', folder, '-c', '512', '-np', '2']);
        const { url } = server;
        // An answer waits for the model to be loaded; a list does not.
        const answer = await generate(url, question);
        expect(answer.tokens).toEqual((right ??= answer.tokens));
        const there = new Map((await sessionsOf(url)).map(({ session_id: id, tokens }) => [id, tokens]));
        for (const [id, tokens] of saved) expect(there.get(id) ?? -1).toBeGreaterThanOrEqual(tokens);
        if (round === KILLS) break;
        // Sessions that grew long begin again, under their old name.
        for (const [id, tokens] of there) {
          if (tokens < LONG_TOKENS) continue;
          saved.delete(id);
          await fetch(`${url}/v1/session/close`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ session_id: id }),
          });
        }
        const end = performance.now() + Math.random() * LONGEST_MS;
        // The first time there is something to lose.
        const isOver = (): boolean => performance.now() > end && saved.size > 0 && spilledBytes > 0;
        const talk = async (names: readonly string[]): Promise<void> => {
          for (let i = 0; !isOver(); i++)
            await generate(url, {
              ...greedy,
              session_id: names[i % names.length],
              prompt: ` And then ${names[i % names.length]} met ${i} and ${'another and '.repeat(6)}went on.`,
            }).catch(() => undefined);
        };
        const watch = async (): Promise<void> => {
          while (!isOver()) {
            for (const { session_id: id, saved: isSaved, tokens } of await sessionsOf(url))
              if (isSaved && NAMES.includes(id)) saved.set(id, tokens);
            spilledBytes = Math.max(spilledBytes, (await metrics(url)).get('starling_spilled_bytes_total') ?? 0);
          }
        };
        await Promise.all([talk(NAMES.slice(0, 3)), talk(NAMES.slice(3)), watch()]);
        await server.stop('SIGKILL');
      }
      await server?.stop('SIGKILL');
    },
    60_000 + KILLS * 60_000,
  );
});
