import { createApp } from '../app.js';
import { fakeParts } from '../fake-parts.test-support.js';

const statusOf = async (bound: string, headers: Record<string, string>, allowed: readonly string[] = []) =>
  (await createApp(fakeParts({ hosts: { bound, allowed, corsOrigins: [] } }).parts).request('/v1/models', { headers }))
    .status;

describe('a server on the loopback address', () => {
  it.each(['localhost', 'localhost:8080', '127.0.0.1:8080', '[::1]:8080', 'LOCALHOST'])(
    'answers to %s',
    async (host) => {
      for (const bound of ['127.0.0.1', '::1', 'localhost']) expect(await statusOf(bound, { host })).toBe(200);
    },
  );

  it.each(['evil.example', 'localhost.evil.example:8080', '127.0.0.1.nip.io', '192.168.0.5:8080', 'a b', ''])(
    'does not answer to %j',
    async (host) => {
      expect(await statusOf('127.0.0.1', { host })).toBe(403);
    },
  );

  it('holds requests with a whole address in their first line to that', async () => {
    const app = createApp(fakeParts({ hosts: { bound: '127.0.0.1', allowed: [], corsOrigins: [] } }).parts);
    for (const [address, status] of [
      ['http://evil.example/v1/models', 403],
      ['http://127.0.0.1:8080/v1/models', 200],
    ] as const)
      expect((await app.request(address, { headers: { host: 'localhost' } })).status).toBe(status);
  });

  it('does not answer pages of other sites', async () => {
    for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example']) {
      expect(await statusOf('127.0.0.1', { host: 'localhost:8080', origin })).toBe(403);
    }
    expect(await statusOf('127.0.0.1', { host: 'localhost:8080', origin: 'http://localhost:3000' })).toBe(200);
  });

  it('answers to names that it was given, and says how', async () => {
    const headers = { host: 'box.lan:8080', origin: 'http://box.lan:8080' };
    expect(await statusOf('127.0.0.1', headers, ['Box.lan'])).toBe(200);
    const response = await createApp(fakeParts().parts).request('/v1/models', { headers });
    expect(await response.json()).toMatchObject({
      error: { code: 'forbidden', message: expect.stringContaining('--allowed-host') },
    });
  });

  it('holds the page and the probes to it too', async () => {
    for (const path of ['/', '/health', '/metrics']) {
      expect((await createApp(fakeParts().parts).request(path, { headers: { host: 'evil.example' } })).status).toBe(
        403,
      );
    }
  });
});

describe('a server on another address', () => {
  it('is called by names that it cannot know', async () => {
    for (const bound of ['0.0.0.0', '192.168.0.5']) expect(await statusOf(bound, { host: 'box.example' })).toBe(200);
  });
});
