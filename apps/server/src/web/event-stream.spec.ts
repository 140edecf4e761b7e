import fc from 'fast-check';
import { readEvents } from './event-stream.js';

function stream(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

async function read(chunks: readonly Uint8Array[]) {
  const events = [];
  for await (const event of readEvents(stream(chunks))) events.push(event);
  return events;
}

describe('reading a stream of events', () => {
  const wire = new TextEncoder().encode(
    ': hello\n\nevent: token\ndata: {"text":"é🦊"}\n\n: still here\n\ndata: plain\n\nevent: done\ndata: a\ndata: b\n\n',
  );
  const expected = [
    { event: 'token', data: '{"text":"é🦊"}' },
    { event: 'message', data: 'plain' },
    { event: 'done', data: 'a\nb' },
  ];

  it('gives the same events wherever the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: wire.length - 1 })), async (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), wire.length];
        expect(await read(edges.slice(1).map((end, i) => wire.subarray(edges[i], end)))).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });
});
