import { jest } from '@jest/globals';
import fc from 'fast-check';
import { StarlingError } from '@starling/core';
import { setUpPool, settledWith } from './model-pool.test-support.js';
import type { Hold } from './residence.js';

/** What was reported against another server that has several models, each as it would be here; the numbers are those of its reports. */
describe('races of several models', () => {
  it('take no place from one that is being loaded (25528)', async () => {
    const { hold, turn, end, calls } = setUpPool({ maxLoaded: 1 });
    const [first, second] = [hold('a1'), hold('b1')];
    await turn();
    const third = hold('c1');
    await turn();
    expect(calls).toEqual(['load a1']);
    await end('load a1');
    (await first).release();
    await end('unload a1');
    await end('load b1');
    (await second).release();
    await end('unload b1');
    await end('load c1');
    await third;
  });

  it('leave nobody waiting where two want the place of one that is idle (28443)', async () => {
    const { hold, loaded, end, calls } = setUpPool({ maxLoaded: 1 });
    (await loaded('a1')).release();
    const [b, c] = [hold('b1'), hold('c1')];
    await end('unload a1');
    await end('load b1');
    (await b).release();
    await end('unload b1');
    await end('load c1');
    await c;
    expect(calls).toEqual(['load a1', 'unload a1', 'load b1', 'unload b1', 'load c1']);
  });

  it('send no request to one that is going: it comes back for it (28698)', async () => {
    const { hold, loaded, turn, end, calls } = setUpPool({ maxLoaded: 1 });
    (await loaded('a1')).release();
    const other = hold('b1');
    await turn();
    expect(calls).toEqual(['load a1', 'unload a1']);
    const again = hold('a1');
    await end('unload a1');
    await end('load b1');
    (await other).release();
    await end('unload b1');
    await end('load a1');
    await again;
  });

  it('do not end in a deadlock, also where one does not go as it should (28829)', async () => {
    const { hold, end, calls } = setUpPool({ maxLoaded: 1 });
    for (let round = 0; round < 6; round++) {
      const [name, before] = round % 2 === 0 ? ['a1', 'b1'] : ['b1', 'a1'];
      const held = hold(name);
      if (round > 0) await end(`unload ${before}`);
      await end(`load ${name}`);
      (await held).release();
    }
    // One that cannot be unloaded is told of; those who wait for its place get it when it is gone.
    const held = hold('a1');
    await end('unload b1', new StarlingError('internal', 'its workers do not end'));
    expect(calls.at(-1)).toContain('its workers do not end');
    expect(await settledWith(Promise.race([held, Promise.resolve()]))).toBe('held');
  });

  it('have each name lead to one file: one that has none is refused, and nothing is begun for it (27351)', async () => {
    const { hold, calls, loaded } = setUpPool();
    expect(await settledWith(hold('x1'))).toBe('model_not_loaded');
    expect(calls).toEqual([]);
    await loaded('a1');
  });

  it('are of no concern to the others where one fails while several are asked (22847)', async () => {
    const { hold, loaded, end, calls, names } = setUpPool();
    const [a, b] = [await loaded('a30'), await loaded('b30')];
    const failing = settledWith(hold('c30'));
    await end('load c30', new StarlingError('worker_failed', 'its workers died'));
    expect(await failing).toBe('worker_failed');
    expect(names()).toEqual(['a30 ready', 'b30 ready', 'c30 failed']);
    (await hold('a30')).release();
    for (const one of [a, b]) one.release();
    expect(calls).toEqual(['load a30', 'load b30', 'load c30']);
    // What failed takes no memory, and is tried again.
    (await loaded('c30')).release();
  });

  it('let the next model in, however long the one before is to stay without requests (24960)', async () => {
    const { hold, loaded, end } = setUpPool({ maxLoaded: 1, keepAliveMs: Infinity });
    (await loaded('a1')).release(Infinity);
    const next = hold('b1');
    await end('unload a1');
    await end('load b1');
    (await next).release(3_600_000);
    const back = hold('a1');
    await end('unload b1');
    await end('load a1');
    await back;
  });

  it('keep one that is asked as its time ends, and bring one back whose time has ended', async () => {
    jest.useFakeTimers();
    try {
      const { hold, loaded, turn, end, calls } = setUpPool({ keepAliveMs: 1000 });
      (await loaded('a1')).release();
      jest.advanceTimersByTime(999);
      const held = await hold('a1');
      jest.advanceTimersByTime(1000);
      await turn();
      expect(calls).toEqual(['load a1']);
      held.release();
      jest.advanceTimersByTime(1000);
      const late = hold('a1');
      await end('unload a1');
      await end('load a1');
      (await late).release();
      expect(calls).toEqual(['load a1', 'unload a1', 'load a1']);
    } finally {
      jest.useRealTimers();
    }
  });

  it('serve or refuse everybody, within memory and never from under a request, whatever comes in which order', async () => {
    const step = fc.record({
      kind: fc.constantFrom('ask', 'ask', 'ask', 'release', 'release', 'leave', 'end', 'end', 'fail', 'let go'),
      which: fc.nat(1000),
    });
    const models = ['a40', 'b60', 'c30', 'd90', 'e10', 'f20', 'x10'];
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50 }), fc.integer({ min: 1, max: 4 }), async (steps, maxLoaded) => {
        const { pool, entries, calls, end, pending, turn } = setUpPool({ maxLoaded });
        const held: { readonly name: string; readonly hold: Hold }[] = [];
        const waiting = new Map<AbortController, string>();
        const of = <T>(list: readonly T[], which: number): T | undefined => list[which % Math.max(1, list.length)];
        const check = (): void => {
          for (const { name } of held) expect([name, entries.get(name)?.state]).toEqual([name, 'ready']);
          const used = [...entries.values()].reduce((sum, { memory }) => sum + (memory?.totalBytes ?? 0), 0);
          expect(used).toBeLessThanOrEqual(100);
          expect([...entries.values()].filter(({ state }) => state !== 'failed').length).toBeLessThanOrEqual(maxLoaded);
        };
        const ask = (name: string): void => {
          const leaves = new AbortController();
          waiting.set(leaves, name);
          void pool.hold(name, leaves.signal).then(
            (hold) => void (waiting.delete(leaves), held.push({ name, hold })),
            () => void waiting.delete(leaves),
          );
        };
        const release = (which: number): void => {
          const one = of(held, which);
          if (one) held.splice(held.indexOf(one), 1)[0].hold.release(which % 5 === 0 ? 0 : undefined);
        };
        for (const { kind, which } of steps) {
          const call = of(pending(), which);
          if (kind === 'ask') ask(of(models, which)!);
          else if (kind === 'release') release(which);
          else if (kind === 'leave') of([...waiting.keys()], which)?.abort();
          else if (kind === 'let go') pool.letGo(of(models, which)!);
          else if (call !== undefined)
            await end(
              call,
              kind === 'fail' && call.startsWith('load')
                ? new StarlingError('invalid_model_file', 'damaged')
                : undefined,
            );
          await turn();
          check();
        }
        // Whoever asks goes, whatever is loaded comes to its end: then nobody is left.
        for (let round = 0; waiting.size > 0 && round < 100; round++) {
          while (held.length > 0) release(0);
          for (const call of pending()) await end(call);
          await turn();
          check();
        }
        expect([[...waiting.values()], calls.filter((call) => call.includes('Error'))]).toEqual([[], []]);
        pool.close();
      }),
      { numRuns: 200 },
    );
  });
});
