import { PartLog } from './part-log.js';

const logOf = (onLeave = () => undefined, keep?: (part: number) => number) =>
  new PartLog<number>({ weigh: (part) => part, high: 10, low: 4, keep }, onLeave);
const settled = async (promise: Promise<void>) => {
  let isSettled = false;
  void promise.then(() => (isSettled = true));
  await new Promise((resolve) => setTimeout(resolve));
  return isSettled;
};

describe('a log of parts', () => {
  it('is full from its limit on, and has room again when its reader has caught up', async () => {
    const log = logOf();
    log.push(4);
    log.push(5);
    expect(log.isFull).toBe(false);
    log.push(3);
    expect(log.isFull).toBe(true);
    const room = log.room();
    const reader = log[Symbol.asyncIterator]();
    await reader.next();
    expect(await settled(room)).toBe(false);
    await reader.next();
    expect(await settled(room)).toBe(true);
    expect(log.isFull).toBe(false);
  });

  it.each([
    ['closed', (log: PartLog<number>) => log.close()],
    ['failed', (log: PartLog<number>) => log.fail(new TypeError('x'))],
    ['left', (log: PartLog<number>) => void log[Symbol.asyncIterator]().return!()],
  ])('lets those who wait for room go when it is %s', async (_, end) => {
    const log = logOf();
    log.push(20);
    const room = log.room();
    end(log);
    expect(await settled(room)).toBe(true);
    expect(log.isFull).toBe(false);
  });

  it('gives what came before its end first, then ends or fails once', async () => {
    const log = logOf();
    log.push(1);
    log.fail(new TypeError('broken'));
    log.push(2);
    const reader = log[Symbol.asyncIterator]();
    expect(await reader.next()).toEqual({ done: false, value: 1 });
    await expect(reader.next()).rejects.toThrow('broken');
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  it('is read by several, each from the beginning, and waits for the one that is furthest', async () => {
    const left: string[] = [];
    const log = logOf(
      () => void left.push('left'),
      (part) => -part,
    );
    const [fast, slow] = [log[Symbol.asyncIterator](), log[Symbol.asyncIterator]()];
    log.push(6);
    log.push(7);
    expect(await slow.next()).toMatchObject({ value: 6 });
    expect([await fast.next(), await fast.next()]).toMatchObject([{ value: -6 }, { value: 7 }]);
    expect(log.isFull).toBe(false);
    const next = fast.next();
    await fast.return!();
    expect(await next).toMatchObject({ done: true });
    expect(left).toEqual([]);
    log.push(8);
    log.close();
    const all: number[] = [];
    for await (const part of slow) all.push(part);
    // What was read is kept as the log is told to keep it.
    expect(all).toEqual([-7, 8]);
    all.length = 0;
    for await (const part of log) all.push(part);
    expect(all).toEqual([-6, -7, -8]);
    expect(left).toEqual([]);
  });

  it('is left when its only reader leaves', async () => {
    let left = 0;
    const log = logOf(() => void left++);
    log.push(1);
    for await (const part of log) if (part === 1) break;
    expect(left).toBe(1);
    log.push(20);
    expect(log.isFull).toBe(false);
  });
});
