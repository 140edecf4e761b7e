import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '../../../../tools/jest/until.js';
import { fakeIo } from '../cli-io.test-support.js';
import type { ServerStatus } from '../web/api.js';
import { runProgram } from './program.js';
import { registerTop } from './top.js';

const status = (second: number): ServerStatus => ({
  version: '1.2\u001b[2J.3',
  time_ms: 1000 * second,
  totals: {
    requests: 3,
    rejected: 1,
    prompt_tokens: 300,
    cached_tokens: 100,
    generated_tokens: 40 * second,
    busy_ms: 10,
  },
  models: [
    {
      name: 'a\u001b[2Jmodel',
      state: 'ready',
      queued: 2,
      queue_limit: 64,
      running: 1,
      suspended: 0,
      slots: 8,
      sessions: 5,
      kv: { bytes: 4e6, pages: 4, used: 1, cached: 1, free: 2 },
      tenants: [
        { name: 'ann', weight: 2, queued: 2, running: 1, served_ms: 300 * second },
        { name: 'bob', weight: 1, queued: 0, running: 0, served_ms: 100 * second },
      ],
    },
    { name: 'asleep', state: 'sleeping' },
  ],
});

let looks = 0;
let sent: string | undefined;
const server = http.createServer((request, response) => {
  sent = request.headers.authorization;
  if (sent === 'Bearer wrong') return void response.writeHead(401).end();
  if (sent === 'Bearer user') return void response.writeHead(403).end();
  response.end(JSON.stringify(status(++looks)));
});
let url: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(() => (looks = 0));

async function top(args: readonly string[], options: Parameters<typeof fakeIo>[1] = {}) {
  const io = fakeIo('', options);
  const code = await runProgram(['top', ...args], io, '1', [registerTop]);
  return { code, out: io.out(), err: io.err() };
}

describe('starling top', () => {
  it('shows models and tenants, with rates between two looks', async () => {
    const { code, out } = await top([url, '--once', '--interval', '0.1'], {
      environment: { STARLING_API_KEY: 'boss' },
    });
    expect([code, sent]).toEqual([0, 'Bearer boss']);
    expect(out.split('\n')).toEqual([
      'Starling 1.2\\u001b[2J.3   generated 40.0 tokens/s   prompts 0.0 tokens/s',
      '3 requests, 80 tokens generated, 400 of prompts (25 % cached), 1 refused',
      '',
      'MODEL            STATE     RUNNING  WAITING  KV USED  CACHED  FREE    SESSIONS',
      'a\\u001b[2Jmodel  ready     1/8      2/64     1.0 MB   1.0 MB  2.0 MB  5',
      'asleep           sleeping  -/-      -/-      -        -       -       -',
      '',
      'TENANT  WEIGHT  RUNNING  WAITING  LAST MINUTE',
      'ann     2       1        2        75 %',
      'bob     1       0        0        25 %',
      '',
    ]);
  });

  it('says what is wrong: no server, no key, the wrong one', async () => {
    expect(await top(['http://127.0.0.1:1', '--once'])).toMatchObject({
      code: 1,
      err: 'starling: no server answers at http://127.0.0.1:1\n',
    });
    expect((await top([url, '--api-key', 'wrong'])).err).toContain('asks for a key');
    expect((await top([url, '--api-key', 'user'])).err).toContain('one for metrics');
    expect(await top(['somewhere'])).toMatchObject({ code: 2 });
  });

  it('draws anew at a terminal until it is interrupted, and leaves the cursor as it was', async () => {
    const running = top([url, '--interval', '0.1'], { isTerminal: true });
    await until(() => looks >= 3);
    process.emit('SIGINT');
    const { code, out } = await running;
    expect(code).toBe(0);
    expect(out.split('\u001b[H\u001b[2J').length).toBeGreaterThan(2);
    expect(out.startsWith('\u001b[?25l')).toBe(true);
    expect(out.endsWith('\u001b[?25h')).toBe(true);
  });
});
