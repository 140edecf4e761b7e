import net from 'node:net';
import { until } from '../../../tools/jest/until.js';
import { generate, metrics } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

let server: RunningServer;
/** One that waits for no request: of its own, since a slow machine takes its time over whole requests too. */
let hasty: RunningServer;
beforeAll(async () => {
  server = await startServer([
    '--log-level',
    'silent',
    '--stall-seconds',
    '2',
    '--max-body-bytes',
    '20000',
    '--cors-origins',
    'https://app.example',
  ]);
  hasty = await startServer(['--log-level', 'silent', '--header-seconds', '1', '--body-seconds', '2']);
});
afterAll(async () => {
  await server?.stop();
  await hasty?.stop();
});

const portOf = ({ url }: RunningServer) => Number(new URL(url).port);

/** Sends bytes, keeps the connection open, and gives what came back when the server closes it. */
function exchange(bytes: string, to = server): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = net.connect(portOf(to), '127.0.0.1', () => socket.write(bytes));
    socket
      .setEncoding('utf8')
      .on('data', (text: string) => void (answer += text))
      .on('close', () => resolve(answer))
      .on('error', () => undefined);
  });
}

const headOf = (answer: string) => answer.slice(0, answer.indexOf('\r\n\r\n'));
const bodyOf = (answer: string) =>
  JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as {
    error: { code: string; message: string; request_id: string };
  };
const json = (body: string, more = '') =>
  `content-type: application/json\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`;

describe('what is no good request', () => {
  it.each([
    ['no HTTP', 'this is no http\r\n\r\n', 400],
    ['a method that is none', 'BREW /pot HTTP/1.1\r\nhost: localhost\r\n\r\n', 400],
    ['no host', 'GET /health HTTP/1.1\r\n\r\n', 400],
    ['two hosts', 'GET /health HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n', 400],
    ['a foreign host', 'GET /health HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n', 403],
    [
      'a foreign origin',
      'GET /health HTTP/1.1\r\nhost: localhost\r\norigin: https://evil.example\r\nconnection: close\r\n\r\n',
      403,
    ],
    ['a target that is none', 'GET \\\\x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', 400],
    ['headers without end', `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`, 431],
    [
      'two lengths',
      'POST /v1/generate HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc',
      400,
    ],
    [
      'a length and chunks',
      'POST /v1/generate HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'chunks that are none',
      'POST /v1/generate HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
      400,
    ],
    ['a tunnel', 'CONNECT example.org:443 HTTP/1.1\r\nhost: example.org\r\n\r\n', 405],
    [
      'an expectation',
      'POST /v1/generate HTTP/1.1\r\nhost: localhost\r\nexpect: wonders\r\ncontent-length: 2\r\n\r\n{}',
      417,
    ],
    ['a path that is none', 'GET /nowhere HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', 404],
    ['another method', 'DELETE /v1/generate HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', 405],
    [
      'no JSON by its type',
      'POST /v1/generate HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n{}',
      415,
    ],
    [
      'a body that is announced too large',
      'POST /v1/generate HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n{',
      413,
    ],
    [
      'a body that is announced too large, and asks first',
      'POST /v1/generate HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n',
      413,
    ],
  ])('%s is answered in the one error shape', async (_, request, status) => {
    const answer = await exchange(request);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(bodyOf(answer).error).toMatchObject({
      code: expect.any(String),
      message: expect.any(String),
      request_id: expect.stringMatching(/^[\w-]{36}$/),
    });
    expect(headOf(answer).toLowerCase()).toContain('x-request-id');
  });

  it('may ask first whether its body is wanted', async () => {
    const body = '{"text":"a"}';
    const answer = await exchange(
      `POST /v1/tokenize HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nexpect: 100-continue\r\n${json(body)}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  });
});

describe('clients that take their time', () => {
  it.each([
    ['headers', 'GET /health HTTP/1.1\r\nhost: localhost\r\n'],
    [
      'a body',
      `POST /v1/tokenize HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"text"`,
    ],
  ])('over %s are told so, and are gone', async (_, begun) => {
    const answer = await exchange(begun, hasty);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(bodyOf(answer).error.code).toBe('request_timeout');
  });

  it('over the first byte are gone too', async () => {
    expect(await exchange('', hasty)).toMatch(/^(HTTP\/1\.1 408 |$)/);
  });

  it('over taking their answers are cut', async () => {
    const body = JSON.stringify({ prompt: 'a', ignore_eos: true, stream: true, logprobs: 100 });
    const sockets = Array.from({ length: 4 }, () => {
      const socket = net.connect(portOf(server), '127.0.0.1', () =>
        socket.write(`POST /v1/generate HTTP/1.1\r\nhost: localhost\r\n${json(body)}`),
      );
      socket.pause();
      socket.on('error', () => undefined);
      return socket;
    });
    const observed = async () =>
      (await metrics(server.url)).get('starling_requests_total{route="/v1/generate",status="200"}') ?? 0;
    const before = await observed();
    await until(async () => (await observed()) >= before + 4);
    await until(async () => (await metrics(server.url)).get('starling_kv_bytes{state="allocated"}') === 0);
    for (const socket of sockets) socket.destroy();
  });
});

describe('requests behind each other on one connection', () => {
  it('are all cancelled when it is lost', async () => {
    const request = (i: number) =>
      `POST /v1/generate HTTP/1.1\r\nhost: localhost\r\n${json(JSON.stringify({ prompt: `Story ${i}`, ignore_eos: true, seed: i }))}`;
    const socket = net.connect(portOf(server), '127.0.0.1');
    socket.on('error', () => undefined);
    const running = async () => (await metrics(server.url)).get('starling_running_sequences') ?? 0;
    socket.write(Array.from({ length: 20 }, (_, i) => request(i)).join(''));
    await until(async () => (await running()) >= 8);
    const generated = async () => (await metrics(server.url)).get('starling_generated_tokens_total') ?? 0;
    socket.destroy();
    await until(async () => (await running()) === 0);
    const after = await generated();
    await generate(server.url, { prompt: 'a', max_tokens: 3, ignore_eos: true });
    expect((await generated()) - after).toBe(3);
  });

  it('are answered in order', async () => {
    const request = (text: string, last = false) =>
      `POST /v1/tokenize HTTP/1.1\r\nhost: localhost\r\n${last ? 'connection: close\r\n' : ''}${json(JSON.stringify({ text, add_special: false }))}`;
    const answer = await exchange([request('a'), request('a a a'), request('a', true)].join(''));
    expect([...answer.matchAll(/"count":(\d+)/g)].map(([, count]) => Number(count))).toHaveLength(3);
  });
});

describe('pages of other origins', () => {
  const ask = (origin: string, init: RequestInit = {}) =>
    fetch(`${server.url}/v1/models`, { ...init, headers: { origin, ...init.headers } });

  it('may call where they were let in, and no others', async () => {
    const response = await ask('https://app.example');
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([
      200,
      'https://app.example',
    ]);
    const foreign = await ask('https://evil.example');
    expect([foreign.status, foreign.headers.get('access-control-allow-origin')]).toEqual([403, null]);
    const preflight = await ask('https://app.example', {
      method: 'OPTIONS',
      headers: { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    });
    expect(preflight.headers.get('access-control-allow-methods')).toContain('POST');
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
  });
});

describe('headers', () => {
  it('keep pages from being framed, and from what is not theirs', async () => {
    const { headers } = await fetch(`${server.url}/`);
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    for (const [name, value] of [
      ['x-content-type-options', 'nosniff'],
      ['x-frame-options', 'DENY'],
      ['referrer-policy', 'no-referrer'],
      ['cross-origin-opener-policy', 'same-origin'],
    ])
      expect(headers.get(name)).toBe(value);
  });

  it('answer OPTIONS and HEAD', async () => {
    const options = await fetch(`${server.url}/v1/generate`, { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST, OPTIONS']);
    const head = await fetch(`${server.url}/v1/models`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type'), await head.text()]).toEqual([200, 'application/json', '']);
    expect(headOf(await exchange('OPTIONS * HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'))).toMatch(
      /^HTTP\/1\.1 204 /,
    );
  });
});
