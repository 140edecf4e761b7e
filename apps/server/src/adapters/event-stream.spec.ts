import { eventStream, formatEvent } from './event-stream.js';

const text = (bytes?: Uint8Array) => new TextDecoder().decode(bytes);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('an event stream', () => {
  it('asks for the next event only as the reader takes them', async () => {
    let made = 0;
    async function* events() {
      for (;;) yield formatEvent('n', ++made);
    }
    const { body } = eventStream(events(), 10_000, () => undefined);
    const reader = body.getReader();
    for (let i = 0; i < 3; i++) await reader.read();
    await pause(5);
    expect(made).toBeLessThanOrEqual(4);
    await reader.cancel();
  });

  it('writes a comment after each silence', async () => {
    async function* events() {
      await pause(35);
      yield formatEvent('late', {});
    }
    const { body, ended } = eventStream(events(), 10, () => undefined);
    const chunks: string[] = [];
    const reader = body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) chunks.push(text(part.value));
    await ended;
    expect(chunks.at(-1)).toBe('event: late\ndata: {}\n\n');
    expect(chunks.length).toBeGreaterThanOrEqual(3);
    for (const comment of chunks.slice(0, -1)) expect(comment).toMatch(/^:.*\n\n$/);
  });

  it('ends and cancels when the reader goes, also while it waits for an event', async () => {
    let cancelled = 0;
    async function* events() {
      await new Promise(() => undefined);
      yield '';
    }
    const { body, ended } = eventStream(events(), 10_000, () => cancelled++);
    const reader = body.getReader();
    void reader.read();
    await pause(1);
    await reader.cancel();
    await ended;
    expect(cancelled).toBe(1);
  });
});
