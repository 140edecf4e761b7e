import { eventStream } from './event-stream.js';

const text = (bytes?: Uint8Array) => new TextDecoder().decode(bytes);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('an event stream', () => {
  it('asks for the next event only as the reader takes them', async () => {
    let made = 0;
    async function* events() {
      for (;;) yield `data: ${++made}\n\n`;
    }
    const { body } = eventStream(events(), { heartbeatMs: 10_000, onCancel: () => undefined });
    const reader = body.getReader();
    for (let i = 0; i < 3; i++) await reader.read();
    await pause(5);
    expect(made).toBeLessThanOrEqual(4);
    await reader.cancel();
  });

  it('sends its opening at once', async () => {
    async function* events() {
      await new Promise(() => undefined);
      yield '';
    }
    const reader = eventStream(events(), { opening: ': hello\n\n', onCancel: () => undefined }).body.getReader();
    expect(text((await reader.read()).value)).toBe(': hello\n\n');
    await reader.cancel();
  });

  it('has no opening where an event is there at once', async () => {
    async function* events() {
      await Promise.resolve();
      yield 'data: 1\n\n';
      await pause(5);
    }
    const { body } = eventStream(events(), { opening: ': hello\n\n', onCancel: () => undefined });
    expect(await new Response(body).text()).toBe('data: 1\n\n');
  });

  it('writes a comment after each silence', async () => {
    let endSilence = (): void => undefined;
    const silence = new Promise<void>((resolve) => (endSilence = resolve));
    async function* events() {
      await silence;
      yield 'event: late\ndata: {}\n\n';
    }
    const { body, ended } = eventStream(events(), { heartbeatMs: 2, onCancel: () => undefined });
    const reader = body.getReader();
    for (let i = 0; i < 3; i++) expect(text((await reader.read()).value)).toMatch(/^:.*\n\n$/);
    endSilence();
    const rest: string[] = [];
    for (let part = await reader.read(); !part.done; part = await reader.read()) rest.push(text(part.value));
    await ended;
    expect(rest.at(-1)).toBe('event: late\ndata: {}\n\n');
  });

  it('is not cut while the next event is long in coming, and then where that is not taken', async () => {
    let cancelled = 0;
    async function* events() {
      yield 'data: 1\n\n';
      await pause(30);
      for (;;) yield 'data: 2\n\n';
    }
    const { body, ended } = eventStream(events(), { stallMs: 5, onCancel: () => cancelled++ });
    const reader = body.getReader();
    expect(text((await reader.read()).value)).toBe('data: 1\n\n');
    expect(text((await reader.read()).value)).toBe('data: 2\n\n');
    expect(cancelled).toBe(0);
    await ended;
    expect(cancelled).toBe(1);
  });

  it('is cut where its reader takes nothing for too long', async () => {
    let cancelled = 0;
    async function* events() {
      for (;;) yield 'data: 1\n\n';
    }
    const { body, ended } = eventStream(events(), { stallMs: 5, onCancel: () => cancelled++ });
    await ended;
    expect(cancelled).toBe(1);
    await expect(body.getReader().read()).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('ends and cancels when the reader goes, also while it waits for an event', async () => {
    let cancelled = 0;
    async function* events() {
      await new Promise(() => undefined);
      yield '';
    }
    const { body, ended } = eventStream(events(), { heartbeatMs: 10_000, onCancel: () => cancelled++ });
    const reader = body.getReader();
    void reader.read();
    await pause(1);
    await reader.cancel();
    await ended;
    expect(cancelled).toBe(1);
  });
});
