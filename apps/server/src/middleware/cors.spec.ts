import { createApp } from '../app.js';
import { fakeParts } from '../fake-parts.test-support.js';

const ask = (corsOrigins: readonly string[], origin: string, method = 'OPTIONS') =>
  createApp(fakeParts({ hosts: { bound: '127.0.0.1', allowed: [], corsOrigins } }).parts).request(
    'http://localhost/v1/models',
    {
      method,
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    },
  );

describe('pages of other origins', () => {
  it.each([
    [['localhost'], 'http://localhost:8080'],
    [['localhost'], 'http://127.0.0.1'],
    [['localhost'], 'http://[::1]:3000'],
    [['https://a.example', 'https://b.example'], 'https://b.example'],
    [['*'], 'https://anybody.example'],
  ])('%j lets in %s', async (origins, origin) => {
    const before = await ask(origins, origin);
    expect(before.status).toBe(200);
    expect(before.headers.get('access-control-allow-origin')).toBe(origin);
    expect(before.headers.get('access-control-allow-headers')).toBe('authorization');
    expect(before.headers.get('vary')).toBe('origin');
    const answer = await ask(origins, origin, 'GET');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
  });

  it.each([
    [['localhost'], 'http://evil.com'],
    [['localhost'], 'http://notlocalhost'],
    [['localhost'], 'http://localhost.evil.com'],
    [['https://a.example'], 'https://a.example.evil.com'],
    [['localhost'], 'null'],
  ])('%j keeps out %s', async (origins, origin) => {
    const before = await ask(origins, origin);
    expect(before.status).toBe(200);
    expect(before.headers.get('access-control-allow-origin')).toBeNull();
    expect((await ask(origins, origin, 'GET')).status).toBe(403);
  });

  it('hear nothing of it where the operator let none in', async () => {
    expect((await ask([], 'http://localhost:8080', 'GET')).headers.get('access-control-allow-origin')).toBeNull();
    expect((await ask([], 'https://a.example')).status).toBe(403);
  });
});
