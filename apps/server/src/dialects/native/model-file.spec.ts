import { jest } from '@jest/globals';
import fs from 'node:fs';
import fsp from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { givenKey } from '../../access/given-keys.js';
import { KeyRing } from '../../access/key-ring.js';
import { createApp } from '../../app.js';
import { fakeModel, fakeParts } from '../../fake-parts.test-support.js';
import type { AppParts, ServedModel } from '../../parts.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-model-file-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const SIZE = 600_000;
const content = Uint8Array.from({ length: SIZE }, (_, i) => i % 251);

function modelIn(file: string, name = 'one'): ServedModel {
  const model = fakeModel({ name });
  return { ...model, info: { ...model.info, source: path.join(folder, file) } };
}

function appWith(served: readonly ServedModel[], more: Partial<AppParts> = {}, browserEngine = true) {
  const { parts } = fakeParts({ served, ...more });
  return createApp({ ...parts, features: { ...parts.features, browserEngine } });
}

describe('GET /v1/models/NAME/file', () => {
  let served: ServedModel;
  beforeEach(() => {
    served = modelIn('one.gguf');
    fs.writeFileSync(served.info.source, content);
  });
  const ask = (headers: Record<string, string> = {}, method = 'GET', app = appWith([served])) =>
    app.request('/v1/models/one/file', { method, headers });
  const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());

  it('gives the whole file, to pages of this server alone, and HEAD what it would be', async () => {
    const app = appWith([served], { hosts: { bound: '0.0.0.0', allowed: [], corsOrigins: ['*'] } });
    for (const method of ['GET', 'HEAD']) {
      const response = await ask(
        { origin: 'http://elsewhere.example', ...(method === 'HEAD' && { range: 'bytes=0-1' }) },
        method,
        app,
      );
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-length': String(SIZE),
        'accept-ranges': 'bytes',
        'cross-origin-resource-policy': 'same-origin',
        etag: expect.stringMatching(/^"[\w-]+"$/),
      });
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
      expect((await bytesOf(response)).length).toBe(method === 'HEAD' ? 0 : SIZE);
    }
    expect(Buffer.compare(await bytesOf(await ask()), content)).toBe(0);
  });

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=1-300000', 1, 300_000],
    ['bytes=599990-', 599_990, SIZE - 1],
    ['bytes=-5', SIZE - 5, SIZE - 1],
    ['bytes=-9999999', 0, SIZE - 1],
    ['Bytes = 7-99999999999999999999999999', 7, SIZE - 1],
  ])('gives the range %s', async (range, first, last) => {
    const response = await ask({ range });
    expect([response.status, response.headers.get('content-range'), response.headers.get('content-length')]).toEqual([
      206,
      `bytes ${first}-${last}/${SIZE}`,
      String(last - first + 1),
    ]);
    expect(Buffer.compare(await bytesOf(response), content.subarray(first, last + 1))).toBe(0);
  });

  it.each([
    'bytes=600000-',
    'bytes=5-4',
    'bytes=-0',
    'bytes=-',
    'bytes=',
    'bytes=a-b',
    'bytes=0-1,5-6',
    'bytes=1e3-2e3',
    'bytes=0x1-2',
    'bytes=--1',
    'bytes=0-,0-,0-,0-,0-,0-',
  ])('refuses the range %s', async (range) => {
    const response = await ask({ range });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, `bytes */${SIZE}`]);
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_request' } });
  });

  it('gives all of it where the range is of another unit, or of a file that was there before', async () => {
    const etag = (await ask({}, 'HEAD')).headers.get('etag') ?? '';
    expect((await ask({ range: 'lines=1-2' })).status).toBe(200);
    expect((await ask({ range: 'bytes=0-1', 'if-range': etag })).status).toBe(206);
    expect((await ask({ 'if-none-match': etag })).status).toBe(304);
    fs.writeFileSync(served.info.source, content.subarray(1));
    const changed = await ask({ range: 'bytes=0-1', 'if-range': etag });
    expect([changed.status, changed.headers.get('content-length')]).toEqual([200, String(SIZE - 1)]);
    expect(changed.headers.get('etag')).not.toBe(etag);
  });

  it('reads no further than its reader does, and is closed when that leaves', async () => {
    const opened = jest.spyOn(fsp, 'open');
    const response = await ask();
    const file = await (opened.mock.results[0].value as Promise<fsp.FileHandle>);
    opened.mockRestore();
    const read = jest.spyOn(file, 'read');
    const reader = response.body!.getReader();
    expect((await reader.read()).value!.length).toBeLessThan(SIZE / 2);
    expect(file.fd).toBeGreaterThanOrEqual(0);
    await reader.cancel();
    while (file.fd >= 0) await new Promise(setImmediate);
    expect(read.mock.calls.length).toBeLessThan(3);
  });

  it('cuts the body of a file that becomes shorter', async () => {
    const response = await ask();
    fs.truncateSync(served.info.source, 1000);
    await expect(response.arrayBuffer()).rejects.toThrow('shorter');
  });

  it('is for those who may use the model', async () => {
    const keys = [
      givenKey('all', 'user', 'all'),
      {
        ...givenKey('some', 'user', 'some'),
        principal: { ...givenKey('some', 'user', 'some').principal, models: ['other'] },
      },
    ];
    const app = appWith([served], { keys: new KeyRing([() => keys]) });
    expect((await ask({}, 'GET', app)).status).toBe(401);
    expect((await ask({ authorization: 'Bearer all' }, 'GET', app)).status).toBe(200);
    expect((await ask({ authorization: 'Bearer some' }, 'GET', app)).status).toBe(403);
  });

  it('is there for single files alone, and where the operator says so; where a file lies is not told', async () => {
    const part = modelIn('one-00001-of-00002.gguf');
    const gone = modelIn('gone.gguf');
    const adapted: ServedModel = {
      ...served,
      adapters: () => [{ id: 'a', scale: 1 } as ReturnType<ServedModel['adapters']>[number]],
    };
    for (const app of [
      appWith([part]),
      appWith([gone]),
      appWith([adapted]),
      appWith([{ ...served, info: { ...served.info, source: 'memory' } }]),
      appWith([served], {}, false),
    ]) {
      const response = await ask({}, 'GET', app);
      expect(response.status).toBe(404);
      expect(await response.text()).not.toContain(folder);
    }
    const listed = async (app: ReturnType<typeof appWith>) =>
      ((await (await app.request('/v1/models')).json()) as { data: { file_url?: string }[] }).data.map(
        ({ file_url: url }) => url,
      );
    expect(await listed(appWith([served]))).toEqual(['/v1/models/one/file']);
    expect(await listed(appWith([part]))).toEqual([undefined]);
    expect(await listed(appWith([served], {}, false))).toEqual([undefined]);
  });
});

describe('what a page is told beside the address of a file', () => {
  const told = async (model: ServedModel) =>
    (
      (await (await appWith([model]).request('/v1/models')).json()) as {
        data: { file_url?: string; in_tab?: object }[];
      }
    ).data[0].in_tab;

  it('is the template in use, and what the operator said, in words that JSON has', async () => {
    const model = modelIn('one.gguf');
    expect(await told(model)).toEqual(model.chatTemplate === undefined ? {} : { chatTemplate: model.chatTemplate });
    const defaults: ServedModel['defaults'] = {
      sampling: { temperature: 0, logitBias: [[5, -Infinity]] },
      maxTokens: 8,
      reasoningTokens: 4,
      pooling: 'mean',
      templateVariables: () => ({ enable_thinking: false }),
    };
    expect(await told({ ...model, chatTemplate: '{{ x }}', defaults })).toEqual({
      chatTemplate: '{{ x }}',
      samplerDefaults: { temperature: 0, logitBias: [[5, '-Infinity']] },
      maxTokens: 8,
      reasoningTokens: 4,
      templateVariables: { enable_thinking: false },
    });
  });
});

describe('the chat page with an engine', () => {
  it('is isolated, and starts what the server has alone', async () => {
    const { bytes, ...file } = { contentType: 'text/javascript', etag: '"1"', bytes: new TextEncoder().encode('1') };
    const page = new Map(['/', '/web/chat.js', '/web/starling-web.js'].map((name) => [name, { ...file, bytes }]));
    const headersOf = async (name: string, isOn: boolean) =>
      (await appWith([fakeModel()], { page }, isOn).request(name, { headers: { accept: 'text/html' } })).headers;
    for (const name of page.keys()) {
      expect((await headersOf(name, true)).get('cross-origin-embedder-policy')).toBe('require-corp');
      expect((await headersOf(name, false)).get('cross-origin-embedder-policy')).toBeNull();
      expect((await headersOf(name, false)).get('content-security-policy')).not.toMatch(/wasm|worker-src/);
    }
    expect((await headersOf('/', true)).get('content-security-policy')).toMatch(
      /trusted-types starling-engine; worker-src 'self'$/,
    );
    expect((await headersOf('/', true)).get('content-security-policy')).not.toContain('unsafe');
    expect((await headersOf('/web/starling-web.js', true)).get('content-security-policy')).toContain(
      "script-src 'self' 'wasm-unsafe-eval'",
    );
  });
});
