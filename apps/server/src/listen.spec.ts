import { once } from 'node:events';
import net from 'node:net';
import { isStarlingError } from '@starling/core';
import { Hono } from 'hono';
import { collected } from '../../../tools/jest/collected.js';
import { until } from '../../../tools/jest/until.js';
import { createApp } from './app.js';
import { fakeModel, fakeParts, type FakeModelOptions } from './fake-parts.test-support.js';
import type { AppEnv } from './context.js';
import { listen, type Listening } from './listen.js';
import { clientOf } from './serving/client.js';

const never = new AbortController().signal;
const open: Listening[] = [];

async function start(options: FakeModelOptions = {}) {
  const model = fakeModel(options);
  const { parts } = fakeParts({ served: [model] });
  const listening = await listen(createApp(parts), '127.0.0.1', 0);
  open.push(listening);
  return { listening, model, port: Number(new URL(listening.url).port) };
}

const post = (url: string, body: object, signal?: AbortSignal) =>
  fetch(`${url}/v1/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });

/** Sends bytes and gives all that comes back until the server closes. */
function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    socket
      .setEncoding('utf8')
      .on('data', (text: string) => void (answer += text))
      .on('end', () => resolve(answer))
      .on('error', reject);
  });
}

const aborted = () => AbortSignal.abort();

afterEach(async () => {
  for (const listening of open.splice(0)) await listening.close(aborted(), 0).catch(() => undefined);
});

describe('a listening server', () => {
  it('says which port is taken', async () => {
    const { port } = await start();
    const error: unknown = await listen(createApp(fakeParts().parts), '127.0.0.1', port).catch(
      (thrown: unknown) => thrown,
    );
    expect(isStarlingError(error, 'conflict')).toBe(true);
    expect((error as Error).message).toContain(`port ${port} of 127.0.0.1 is taken`);
  });

  it('listens on several addresses, under one port', async () => {
    const listening = await listen(
      createApp(fakeParts({ hosts: { bound: '127.0.0.1,127.0.0.2', allowed: [], corsOrigins: [] } }).parts),
      '127.0.0.1, 127.0.0.2',
      0,
    );
    open.push(listening);
    const { port } = new URL(listening.url);
    for (const host of ['127.0.0.1', '127.0.0.2'])
      expect((await fetch(`http://${host}:${port}/v1/models`)).status).toBe(200);
    await expect(listen(createApp(fakeParts().parts), `127.0.0.1,203.0.113.7`, 0)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });

  it('holds no request of a connection that stays open', async () => {
    const signals: WeakRef<object>[] = [];
    const app = new Hono<AppEnv>().get('/', (c) => {
      const client = clientOf(c);
      signals.push(new WeakRef(client.signal));
      client.end();
      return c.text('');
    });
    const listening = await listen(app, '127.0.0.1', 0);
    open.push(listening);
    const socket = net.connect(Number(new URL(listening.url).port), '127.0.0.1');
    for (let i = 0; i < 2; i++) {
      socket.write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
      await once(socket, 'data');
    }
    await collected(signals[0]);
    socket.destroy();
  });

  it('writes the names of headers as most servers do', async () => {
    const { port } = await start();
    const [head] = (
      await exchange(port, 'GET /v1/nothing HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n')
    ).split('\r\n\r\n');
    expect(head).toMatch(/\r\nContent-Type: application\/json/);
    expect(head).toMatch(/\r\nX-Request-Id: /);
    expect(head).not.toMatch(/\r\n[a-z]/);
  });

  it('refuses an address that it cannot listen on', async () => {
    const error: unknown = await listen(createApp(fakeParts().parts), '203.0.113.7', 0).catch(
      (thrown: unknown) => thrown,
    );
    expect(isStarlingError(error, 'invalid_argument')).toBe(true);
  });

  it('answers what is not HTTP in the one error shape', async () => {
    const { port } = await start();
    const [head, body] = (await exchange(port, 'this is not http\r\n\r\n')).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'invalid_request', type: 'invalid_request_error' } });
  });

  it('answers requests with broken targets, hosts and methods in the one error shape', async () => {
    const { port } = await start();
    const requests = [
      'GET http://[::1 HTTP/1.1\r\nhost: x\r\n',
      'GET /a HTTP/1.1\r\nhost: a b\r\n',
      'GET /\\x HTTP/1.1\r\nhost: x\r\n',
      'PROPFIND /v1/generate HTTP/1.1\r\nhost: x\r\n',
    ];
    for (const request of requests) {
      const [head, ...body] = (await exchange(port, `${request}connection: close\r\n\r\n`)).split('\r\n\r\n');
      expect(head).toMatch(/^HTTP\/1\.1 40[045] /);
      expect(JSON.parse(body.join(''))).toMatchObject({
        error: { type: 'invalid_request_error', request_id: expect.any(String) },
      });
    }
  });

  it('answers so many connections and tells one more that they are all, but for probes; twice as many are open at most', async () => {
    const listening = await listen(createApp(fakeParts().parts), '127.0.0.1', 0, {
      headersMs: 15_000,
      requestMs: 15_000,
      maxBodyBytes: 1000,
      maxConnections: 2,
    });
    open.push(listening);
    const port = Number(new URL(listening.url).port);
    const get = (path: string, more = 'connection: close\r\n') =>
      exchange(port, `GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`);
    const first = net.connect(port, '127.0.0.1');
    await once(first, 'connect');
    expect(await get('/v1/models')).toMatch(/^HTTP\/1\.1 200 /);
    const second = net.connect(port, '127.0.0.1');
    await once(second, 'connect');
    expect(await get('/v1/models', '')).toMatch(
      /^HTTP\/1\.1 429 [^]*retry-after: 1\r\n[^]*connection: close[^]*queue_full/i,
    );
    expect(await get('/health')).toMatch(/^HTTP\/1\.1 200 /);
    const more = [3, 4].map(() => net.connect(port, '127.0.0.1'));
    await Promise.all(more.map((socket) => once(socket, 'connect')));
    expect(await get('/health').catch(() => '')).toBe('');
    for (const socket of [first, second, ...more]) socket.destroy();
    await until(async () => (await get('/v1/models').catch(() => '')).startsWith('HTTP/1.1 200 '));
  });

  it('answers 413 to a body that is announced too large, without reading it, and goes on', async () => {
    const { listening, port } = await start();
    const request = `POST /v1/generate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n{"prompt": "`;
    const answer = await exchange(port, request);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('request_too_large');
    expect((await fetch(`${listening.url}/health`)).status).toBe(200);
  });
});

describe('a client that goes away', () => {
  it('cancels its stream', async () => {
    const { listening, model } = await start({
      beforeToken: (index) => (index < 1 ? Promise.resolve() : new Promise(() => undefined)),
    });
    const client = new AbortController();
    const response = await post(listening.url, { prompt: 'a', stream: true }, client.signal);
    await response.body!.getReader().read();
    client.abort();
    await until(() => model.ended.length > 0);
    expect(model.ended).toEqual(['cancelled']);
  });

  it('cancels the answer that it waits for as a whole', async () => {
    const { listening, model } = await start({ beforeToken: () => new Promise(() => undefined) });
    const client = new AbortController();
    const response = post(listening.url, { prompt: 'a' }, client.signal).catch(() => 'gone');
    await until(() => model.requests.length > 0);
    client.abort();
    expect(await response).toBe('gone');
    await until(() => model.ended.length > 0);
    expect(model.ended).toEqual(['cancelled']);
  });
});

describe('a client that ends its side of the connection when it has asked', () => {
  const request = (path: string, body: object, version = '1.1') =>
    `POST ${path} HTTP/${version}\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${JSON.stringify(body).length}\r\n\r\n${JSON.stringify(body)}`;
  const asked = async (port: number, text: string) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const answer = { text: '' };
    socket
      .setEncoding('utf8')
      .on('data', (part: string) => void (answer.text += part))
      .on('error', () => undefined);
    socket.end(text);
    await once(socket, 'connect');
    return { socket, answer };
  };

  it.each([
    ['whole', '/v1/generate', { prompt: 'a' }, 'HTTP/1.1 102 ', /"text":"Hello!"/],
    ['stream', '/v1/generate', { prompt: 'a', stream: true }, ': still here', /event: done\n/],
    [
      'stream of lines',
      '/api/generate',
      { model: 'fake', prompt: 'a', raw: true },
      '\n\r\n',
      /"done":true[^]*\r\n0\r\n/,
    ],
  ])('gets its %s answer, and nothing is computed once it has gone', async (_, path, body, silence, whole) => {
    let finish = () => {};
    const held = new Promise<void>((resolve) => (finish = resolve));
    const { model, port } = await start({ beforeToken: (index) => (index === 0 ? held : Promise.resolve()) });
    const { socket, answer } = await asked(port, request(path, body));
    await until(() => answer.text.includes(silence));
    finish();
    await once(socket, 'end');
    expect(answer.text).toMatch(whole);
    expect(model.ended).toEqual(['stop']);

    const gone = await start({ beforeToken: () => new Promise(() => undefined) });
    const other = await asked(gone.port, request(path, body));
    await until(() => gone.model.requests.length > 0);
    other.socket.destroy();
    await until(() => gone.model.ended.length > 0);
    expect(gone.model.ended).toEqual(['cancelled']);
  });

  it('has gone where nothing can be said before the answer', async () => {
    const { model, port } = await start({ beforeToken: () => new Promise(() => undefined) });
    await asked(port, request('/v1/generate', { prompt: 'a' }, '1.0'));
    await until(() => model.ended.length > 0);
    expect(model.ended).toEqual(['cancelled']);
  });
});

describe('a slow reader', () => {
  it('holds up its own stream instead of filling memory', async () => {
    const total = 3000;
    let taken = 0;
    // In all more than the system's buffers hold.
    const answer = Array.from({ length: total }, () => 'x'.repeat(5000));
    const { listening, port } = await start({
      answer,
      beforeToken: (index, { prompt }) => Promise.resolve(void (prompt === 'slow' && (taken = index))),
    });
    const body = '{"prompt":"slow","stream":true}';
    const socket = net.connect(port, '127.0.0.1');
    socket.pause();
    socket.write(
      `POST /v1/generate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await until(() => taken > 0);
    // Until another answer comes and goes without a token more for this one.
    for (let before = -1; before !== taken; ) {
      before = taken;
      await (await post(listening.url, { prompt: 'quick', stream: true, max_tokens: 300 })).text();
    }
    expect(taken).toBeLessThan(total - 1);
    socket.destroy();
  });
});

describe('closing', () => {
  it('takes no new connections, lets an answer under way end, and does not wait for idle ones', async () => {
    let finish = () => {};
    const held = new Promise<void>((resolve) => (finish = resolve));
    const { listening, model } = await start({ beforeToken: (index) => (index === 1 ? held : Promise.resolve()) });
    await fetch(`${listening.url}/health`);
    const answer = post(listening.url, { prompt: 'a' });
    await until(() => model.requests.length > 0);
    const closed = listening.close(never, 0);
    await until(() =>
      fetch(`${listening.url}/health`).then(
        () => false,
        () => true,
      ),
    );
    finish();
    expect(await (await answer).json()).toMatchObject({ text: 'Hello!' });
    await closed;
  });

  it('does not wait for a connection on which nothing was sent', async () => {
    const { listening, port } = await start();
    const socket = net.connect(port, '127.0.0.1').resume();
    const gone = once(socket, 'close');
    await once(socket, 'connect');
    await listening.close(never, 0);
    await gone;
  });

  it('cuts what is left at the deadline', async () => {
    const { listening, model } = await start({ beforeToken: () => new Promise(() => undefined) });
    const answer = post(listening.url, { prompt: 'a' }).catch(() => 'cut');
    await until(() => model.requests.length > 0);
    await listening.close(AbortSignal.timeout(20), 10);
    expect(await answer).toBe('cut');
  });
});
