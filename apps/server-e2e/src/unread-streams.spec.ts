import net from 'node:net';
import { until } from '../../../tools/jest/until.js';
import { generate, metrics } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

/** The nightly run has a hundred. */
const STREAMS = process.env.STARLING_FUZZ_REQUESTS === undefined ? 20 : 100;
/**
 * Below what the answers come to in the server's memory, log-probabilities and all: some 15 MB each. The same for a hundred as for twenty: most of it is
 * what the collector of the running version has not collected yet (150 to 180 MB were seen).
 */
const BOUND_BYTES = 240 * 2 ** 20;

let server: RunningServer;
beforeAll(async () => {
  server = await startServer(['--log-level', 'silent']);
});
afterAll(async () => {
  await server?.stop();
});

/** A client that sends a request and reads nothing until it is told to. */
function unread(body: object) {
  const text = JSON.stringify(body);
  const socket = net.connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.pause();
  socket.on('error', () => undefined);
  socket.write(
    `POST /v1/generate HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
  return {
    close: () => void socket.destroy(),
    async readAll(): Promise<string> {
      let answer = '';
      socket.setEncoding('utf8').on('data', (part: string) => void (answer += part));
      socket.resume();
      await new Promise((resolve) => socket.on('close', resolve));
      return answer;
    },
  };
}

const body = (seed: number) => ({ prompt: 'Tell me a story.', stream: true, ignore_eos: true, logprobs: 100, seed });
const generated = async () => (await metrics(server.url)).get('starling_generated_tokens_total') ?? 0;

describe('streams that nobody reads', () => {
  it(
    'take a bounded memory, leave their slots to others, and go on when they are read',
    async () => {
      await generate(server.url, { ...body(0), stream: false });
      const before = server.residentBytes();
      const streams = Array.from({ length: STREAMS }, (_, i) => unread(body(i)));
      // Until none of them is gone on with.
      let last = -1;
      const isStill = async () => {
        const now = await generated();
        const was = last;
        last = now;
        await new Promise((resolve) => setTimeout(resolve, 1000));
        return now > 0 && now === was && (await metrics(server.url)).get('starling_running_sequences') === 0;
      };
      await until(isStill);
      const after = server.residentBytes();
      if (before !== undefined && after !== undefined) expect(after - before).toBeLessThan(BOUND_BYTES);

      const answer = await generate(server.url, { prompt: 'Once', max_tokens: 5, ignore_eos: true });
      expect(answer.usage.completion_tokens).toBe(5);

      const whole = await generate(server.url, { ...body(7), stream: false });
      const text = await streams[7].readAll();
      const ids = [...text.matchAll(/^event: token\r?\ndata: \{"index":\d+,"id":(\d+)/gm)].map(([, id]) => Number(id));
      expect(ids).toEqual(whole.tokens);
      expect(text).toContain('event: done');
      for (const stream of streams) stream.close();
      await until(async () => (await metrics(server.url)).get('starling_kv_bytes{state="allocated"}') === 0);
    },
    30_000 * STREAMS,
  );
});
