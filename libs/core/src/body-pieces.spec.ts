import { bodyPieces } from './body-pieces.js';

/** A body that never ends by itself, and what was asked of it. */
function endless() {
  const seen = { cancelled: 0 };
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(Uint8Array.of(1)),
    cancel: () => void seen.cancelled++,
  });
  return { seen, response: new Response(body) };
}

describe('the pieces of a body', () => {
  it('come in order, to the end', async () => {
    const pieces: number[] = [];
    for await (const piece of bodyPieces(new Response('abc'), new AbortController().signal)) pieces.push(...piece);
    expect(pieces).toEqual([97, 98, 99]);
    for await (const piece of bodyPieces(new Response(null), new AbortController().signal)) pieces.push(...piece);
    expect(pieces).toHaveLength(3);
  });

  it('end when the signal fires, before or between them, and the connection with them', async () => {
    const abort = new AbortController();
    const { seen, response } = endless();
    let count = 0;
    for await (const _piece of bodyPieces(response, abort.signal)) if (++count === 3) abort.abort();
    expect(seen.cancelled).toBe(1);
    const late = endless();
    for await (const _piece of bodyPieces(late.response, abort.signal)) count = Infinity;
    expect([count, late.seen.cancelled]).toEqual([3, 1]);
  });

  it('end the connection when the caller leaves', async () => {
    const { seen, response } = endless();
    for await (const _piece of bodyPieces(response, new AbortController().signal)) break;
    expect(seen.cancelled).toBe(1);
  });
});
