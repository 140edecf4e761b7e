import { GgufBytes, TYPE, smallFile } from '../test/gguf-bytes.js';
import { serveRanges, type Misbehave, type RangeServer } from '../test/range-server.js';
import { openHttpSource, type HttpSourceOptions } from './http-source.js';
import { openGgufUrl } from './open-url.js';

const DATA_BYTES = 4 * 2 ** 20;
const large = GgufBytes.header({ tensors: 1, entries: 1 })
  .key('k', TYPE.u8)
  .u8(1)
  .tensor('t', [2 ** 20], 0, 0)
  .align()
  .zeros(DATA_BYTES)
  .build();
large.fill(7, large.length - 16);

const part = (number: number): Uint8Array =>
  GgufBytes.header({ tensors: 1, entries: 3 })
    .key('split.no', TYPE.u32)
    .u32(number)
    .key('split.count', TYPE.u32)
    .u32(2)
    .key('split.tensors.count', TYPE.u32)
    .u32(2)
    .tensor(`t${number}`, [4], 24, 0)
    .align()
    .bytes([number, number, number, number])
    .align()
    .build();

const files = {
  '/small.gguf': smallFile(),
  '/large.gguf': large,
  '/m-00001-of-00002.gguf': part(0),
  '/m-00002-of-00002.gguf': part(1),
};

describe('a model on a server', () => {
  const servers: RangeServer[] = [];
  const serve = async (misbehave?: Misbehave): Promise<RangeServer> => {
    const server = await serveRanges(files, misbehave);
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  it('opens with one request for its header, and fetches only the rows that are read', async () => {
    const server = await serve();
    const model = await openGgufUrl(`${server.url}/large.gguf`, {
      chunkBytes: 4096,
      headers: { authorization: 'Bearer x' },
    });
    expect(server.requests).toEqual([{ path: '/large.gguf', range: 'bytes=0-4095', authorization: 'Bearer x' }]);
    const tail = new Uint8Array(16);
    await model.source().read(large.length - 16, tail);
    expect(Array.from(tail)).toEqual(new Array(16).fill(7));
    expect(server.bytesSent).toBe(4096 + 16);
    const whole = new Uint8Array(new SharedArrayBuffer(DATA_BYTES));
    await model.readTensor(model.tensor('t'), whole);
    expect(Array.from(whole.subarray(-16))).toEqual(new Array(16).fill(7));
    await model.close();
    await expect(model.readTensor(model.tensor('t'), whole)).rejects.toMatchObject({ code: 'closed' });
  });

  it('goes on where a header is longer than a chunk', async () => {
    const server = await serve();
    const model = await openGgufUrl(`${server.url}/small.gguf`, { chunkBytes: 64 });
    expect(model.strings('tokens')?.toArray()).toEqual(['a', 'bc', '', 'déf']);
  });

  it('finds the parts of a split model', async () => {
    const server = await serve();
    const model = await openGgufUrl(`${server.url}/m-00002-of-00002.gguf?token=1`);
    expect(model.parts).toBe(2);
    const bytes = new Uint8Array(4);
    await model.readTensor(model.tensor('t1'), bytes);
    expect(Array.from(bytes)).toEqual([1, 1, 1, 1]);
    expect(model.name).toBe(`${server.url}/m-00001-of-00002.gguf`);
  });

  it('tries again after a failure that may pass', async () => {
    const server = await serve((_, response, count) => {
      if (count === 1) response.destroy();
      else if (count === 2) response.writeHead(503).end();
      return count <= 2;
    });
    await expect(openGgufUrl(`${server.url}/small.gguf`)).resolves.toMatchObject({ version: 3 });
    expect(server.requests).toHaveLength(3);
  });

  it.each<[string, Misbehave, string, RegExp, HttpSourceOptions]>([
    ['has no such file', (_, response) => Boolean(response.writeHead(404).end()), 'file_not_found', /not found/, {}],
    [
      'wants a key',
      (_, response) => Boolean(response.writeHead(401).end()),
      'download_failed',
      /refused with status 401/,
      {},
    ],
    [
      'knows no ranges',
      (_, response) => Boolean(response.writeHead(200).end('GGUF')),
      'download_failed',
      /does not answer range requests/,
      {},
    ],
    ['always fails', (_, response) => Boolean(response.writeHead(500).end()), 'download_failed', /status 500/, {}],
    [
      'sends another range',
      (_, response) => Boolean(response.writeHead(206, { 'content-range': 'bytes 5-9/99' }).end('12345')),
      'download_failed',
      /wrong range/,
      {},
    ],
    [
      'sends too little',
      (_, response) => Boolean(response.writeHead(206, { 'content-range': 'bytes 0-9/10' }).end('12345')),
      'download_failed',
      /sent 5 of 10 bytes/,
      {},
    ],
    [
      'sends too much',
      (_, response) => Boolean(response.writeHead(206, { 'content-range': 'bytes 0-3/4' }).end('12345')),
      'download_failed',
      /more than the 4 bytes/,
      {},
    ],
    [
      'stands still',
      (_, response) => Boolean(response.writeHead(206, { 'content-range': 'bytes 0-9/10' }).write('1')),
      'download_failed',
      /cannot be read|nothing came/,
      { stallMs: 100 },
    ],
  ])('reports a server that %s', async (_, misbehave, code, message, options) => {
    const server = await serve(misbehave);
    await expect(openHttpSource(`${server.url}/small.gguf?secret=1`, options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) && expect.not.stringContaining('secret'),
    });
  });

  it('reports a file that changes while it is read', async () => {
    const server = await serve((request, response, count) => {
      if (count === 1) return false;
      response
        .writeHead(206, { 'content-range': `bytes ${/\d+/.exec(request.headers.range ?? '')?.[0]}-9/10`, etag: '"2"' })
        .end();
      return true;
    });
    const source = await openHttpSource(`${server.url}/large.gguf`, { chunkBytes: 64 });
    await expect(source.read(1000, new Uint8Array(4))).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining('changed while it was read'),
    });
  });
});
