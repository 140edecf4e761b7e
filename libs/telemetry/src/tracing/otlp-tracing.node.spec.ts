import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { isStarlingError } from '@starling/core';
import { openOtlpTracing, type Tracing } from './index.node.js';
import { nowMs } from './trace-types.js';

interface SentSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

/** A collector that keeps what it is sent. */
async function collector(status = 200) {
  const spans: SentSpan[] = [];
  const seen: { path?: string; headers: http.IncomingHttpHeaders }[] = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => void (body += text));
    request.on('end', () => {
      seen.push({ path: request.url, headers: request.headers });
      const sent = JSON.parse(body) as { resourceSpans: { resource: object; scopeSpans: { spans: SentSpan[] }[] }[] };
      for (const { scopeSpans } of sent.resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans);
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(server);
  return { spans, seen, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const open: http.Server[] = [];
afterEach(() => open.splice(0).forEach((server) => server.close()));

const begin = (tracing: Tracing, traceparent?: string) =>
  tracing.begin('POST /v1/generate', (name) => (name === 'traceparent' ? traceparent : undefined), {
    'http.route': '/v1/generate',
  });

describe('traces by OTLP', () => {
  it('send a request with the work that was done for it, in its caller’s trace', async () => {
    const { spans, seen, endpoint } = await collector();
    const tracing = openOtlpTracing({ endpoint, headers: { 'x-key': 'k' }, serviceVersion: '1.2.3' });
    const caller = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
    const request = begin(tracing, `00-${caller.traceId}-${caller.spanId}-01`);
    const now = nowMs();
    request.add({
      name: 'decode',
      startMs: now - 20,
      endMs: now,
      facts: { 'starling.tokens': 7 },
      parts: [{ name: 'sample', startMs: now - 20, endMs: now - 15 }],
    });
    request.end();
    await tracing.close();
    expect(seen[0]).toMatchObject({ path: '/v1/traces', headers: { 'x-key': 'k' } });
    const [root, decode, sample] = ['POST /v1/generate', 'decode', 'sample'].map(
      (name) => spans.find((span) => span.name === name)!,
    );
    expect(root).toMatchObject({
      kind: 2,
      traceId: caller.traceId,
      parentSpanId: caller.spanId,
      spanId: request.spanId,
    });
    expect(decode).toMatchObject({ traceId: caller.traceId, parentSpanId: root.spanId });
    expect(sample.parentSpanId).toBe(decode.spanId);
    expect(decode.attributes).toEqual([{ key: 'starling.tokens', value: { intValue: 7 } }]);
    expect(BigInt(decode.endTimeUnixNano) - BigInt(decode.startTimeUnixNano)).toBeGreaterThan(19_000_000n);
    expect(tracing.headersOf(request)).toEqual({ traceparent: `00-${caller.traceId}-${request.spanId}-01` });
  });

  it('say what went wrong', async () => {
    const { spans, endpoint } = await collector();
    const tracing = openOtlpTracing({ endpoint });
    begin(tracing).end('queue_full');
    await tracing.close();
    expect(spans[0].status).toEqual({ code: 2, message: 'queue_full' });
    expect(spans[0].attributes).toContainEqual({ key: 'error.type', value: { stringValue: 'queue_full' } });
  });

  it('keep none that their caller does not keep, a part of the others, and begin anew where the caller’s words mean nothing', async () => {
    const { spans, endpoint } = await collector();
    const all = openOtlpTracing({ endpoint });
    const unwanted = begin(all, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00');
    expect(unwanted.isSampled).toBe(false);
    unwanted.end();
    for (const strange of ['', '00-0-0-01', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, 'x'.repeat(10_000)]) {
      const request = begin(all, strange);
      expect(request.traceId).toMatch(/^(?!0+$)[0-9a-f]{32}$/);
      request.end();
    }
    const few = openOtlpTracing({ endpoint, sampleRatio: 0 });
    begin(few).end();
    await Promise.all([all.close(), few.close()]);
    expect(spans).toHaveLength(4);
  });

  it('know in whose course something is done', async () => {
    const tracing = openOtlpTracing({ endpoint: 'http://127.0.0.1:9' });
    const [a, b] = [begin(tracing), begin(tracing)];
    const seen = await Promise.all(
      [a, b].map((request) => request.run(async () => (await Promise.resolve(), tracing.current))),
    );
    expect(seen).toEqual([a, b]);
    expect(tracing.current).toBeUndefined();
  });

  it('end although nobody takes them', async () => {
    const { endpoint } = await collector(500);
    // Nothing listens at that port.
    for (const nowhere of ['http://127.0.0.1:9', endpoint]) {
      const tracing = openOtlpTracing({ endpoint: nowhere });
      tracing.add({ name: 'load', startMs: nowMs(), endMs: nowMs() });
      await tracing.close();
    }
  });

  it('refuse what is no address of a collector', () => {
    for (const endpoint of ['', 'collector:4318', 'file:///x', '4318']) {
      expect(() => openOtlpTracing({ endpoint })).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    }
    try {
      openOtlpTracing({ endpoint: 'http://a', sampleRatio: 2 });
    } catch (error) {
      expect(isStarlingError(error, 'invalid_argument')).toBe(true);
    }
    expect.assertions(5);
  });
});
