import net from 'node:net';
import { isStarlingError } from '@starling/core';
import { createApp } from './app.js';
import { fakeModel, fakeParts, type FakeModelOptions } from './fake-parts.test-support.js';
import { listen, type Listening } from './listen.js';

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
  fetch(`${url}/v1/generate`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal });

/** Sends bytes and gives all that comes back until the server closes. */
function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('utf8').on('data', (text: string) => void (answer += text)).on('end', () => resolve(answer)).on('error', reject);
  });
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const aborted = () => AbortSignal.abort();

afterEach(async () => {
  for (const listening of open.splice(0)) await listening.close(aborted(), 0).catch(() => undefined);
});

describe('a listening server', () => {
  it('says which port is taken', async () => {
    const { port } = await start();
    const error: unknown = await listen(createApp(fakeParts().parts), '127.0.0.1', port).catch((thrown: unknown) => thrown);
    expect(isStarlingError(error, 'conflict')).toBe(true);
    expect((error as Error).message).toContain(`port ${port} of 127.0.0.1 is taken`);
  });

  it('refuses an address that it cannot listen on', async () => {
    const error: unknown = await listen(createApp(fakeParts().parts), '203.0.113.7', 0).catch((thrown: unknown) => thrown);
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
    const requests = ['GET http://[::1 HTTP/1.1\r\nhost: x\r\n', 'GET /a HTTP/1.1\r\nhost: a b\r\n', 'GET /\\x HTTP/1.1\r\nhost: x\r\n', 'PROPFIND /v1/generate HTTP/1.1\r\nhost: x\r\n'];
    for (const request of requests) {
      const [head, ...body] = (await exchange(port, `${request}connection: close\r\n\r\n`)).split('\r\n\r\n');
      expect(head).toMatch(/^HTTP\/1\.1 40[045] /);
      expect(JSON.parse(body.join(''))).toMatchObject({ error: { type: 'invalid_request_error', request_id: expect.any(String) } });
    }
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
    const { listening, model } = await start({ beforeToken: (index) => (index < 1 ? Promise.resolve() : new Promise(() => undefined)) });
    const client = new AbortController();
    const response = await post(listening.url, { prompt: 'a', stream: true }, client.signal);
    await response.body!.getReader().read();
    client.abort();
    await pause(50);
    expect(model.ended).toEqual(['cancelled']);
  });

  it('cancels the answer that it waits for as a whole', async () => {
    const { listening, model } = await start({ beforeToken: () => new Promise(() => undefined) });
    const client = new AbortController();
    const response = post(listening.url, { prompt: 'a' }, client.signal).catch(() => 'gone');
    await pause(50);
    client.abort();
    expect(await response).toBe('gone');
    await pause(50);
    expect(model.ended).toEqual(['cancelled']);
  });
});

describe('a slow reader', () => {
  it('holds up its own stream instead of filling memory', async () => {
    const total = 3000;
    let taken = 0;
    const answer = Array.from({ length: total }, () => 'x'.repeat(2000));
    const { port } = await start({ answer, beforeToken: (index) => Promise.resolve(void (taken = index)) });
    const body = '{"prompt":"a","stream":true}';
    const socket = net.connect(port, '127.0.0.1');
    socket.pause();
    socket.write(`POST /v1/generate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await pause(300);
    const before = taken;
    await pause(100);
    expect(taken).toBe(before);
    expect(taken).toBeLessThan(total - 1);
    socket.destroy();
  });
});

describe('closing', () => {
  it('takes no new connections, lets an answer under way end, and does not wait for idle ones', async () => {
    let finish = () => {};
    const held = new Promise<void>((resolve) => (finish = resolve));
    const { listening } = await start({ beforeToken: (index) => (index === 1 ? held : Promise.resolve()) });
    await fetch(`${listening.url}/health`);
    const answer = post(listening.url, { prompt: 'a' });
    await pause(30);
    const closed = listening.close(never, 0);
    await pause(10);
    await expect(fetch(`${listening.url}/health`)).rejects.toThrow();
    finish();
    expect(await (await answer).json()).toMatchObject({ text: 'Hello!' });
    await closed;
  });

  it('cuts what is left at the deadline', async () => {
    const { listening } = await start({ beforeToken: () => new Promise(() => undefined) });
    const answer = post(listening.url, { prompt: 'a' }).catch(() => 'cut');
    await pause(30);
    await listening.close(AbortSignal.timeout(20), 10);
    expect(await answer).toBe('cut');
  });
});
