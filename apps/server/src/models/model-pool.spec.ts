import { jest } from '@jest/globals';
import { StarlingError } from '@starling/core';
import { setUpPool, settledWith } from './model-pool.test-support.js';

describe('models that are asked for', () => {
  it('are loaded once for all who wait, and at once for those who come later', async () => {
    const { hold, end, calls } = setUpPool();
    const three = [hold('a10'), hold('a10'), hold('a10')];
    await end('load a10');
    await Promise.all([...three, hold('a10')]);
    expect(calls).toEqual(['load a10']);
  });

  it('take the place of those that nobody asks, longest ago first, and of none where there is room', async () => {
    const { loaded, hold, end, calls, names } = setUpPool();
    (await loaded('a40')).release();
    (await loaded('b40')).release();
    (await hold('a40')).release();
    const held = hold('c30');
    await end('unload b40');
    await end('load c30');
    await held;
    expect(calls).toEqual(['load a40', 'load b40', 'unload b40', 'load c30']);
    expect(names()).toEqual(['a40 ready', 'c30 ready']);
  });

  it('are never taken away from a request that asks them: others wait until it is over', async () => {
    const { loaded, hold, turn, end, calls } = setUpPool();
    const asked = await loaded('a60');
    const next = hold('b60');
    await turn();
    expect(calls).toEqual(['load a60']);
    asked.release();
    await end('unload a60');
    await end('load b60');
    await next;
  });

  it('serve who waited for them before they may be taken away again', async () => {
    const { loaded, hold, turn, end, calls } = setUpPool();
    const a = await loaded('a60');
    const [b, c] = [hold('b60'), hold('c60')];
    await turn();
    a.release();
    await end('unload a60');
    await end('load b60');
    // c60 wants the place, but the request that b60 was loaded for has it.
    const held = await b;
    await turn();
    expect(calls).toEqual(['load a60', 'unload a60', 'load b60']);
    held.release();
    await end('unload b60');
    await end('load c60');
    await c;
  });

  it('do not wait for ever: a model whose place is wanted takes no new requests, and comes back for them', async () => {
    const { loaded, hold, turn, end, calls } = setUpPool();
    const first = await loaded('a60');
    const other = hold('b60');
    await turn();
    const again = hold('a60');
    await turn();
    first.release();
    await end('unload a60');
    await end('load b60');
    (await other).release();
    await end('unload b60');
    await end('load a60');
    await again;
    expect(calls).toEqual(['load a60', 'unload a60', 'load b60', 'unload b60', 'load a60']);
  });

  it('are loaded past one that waits for memory where they do not need it', async () => {
    const { loaded, hold, turn, end, calls } = setUpPool();
    const busy = await loaded('a60');
    const large = hold('b60');
    await turn();
    const small = hold('c10');
    await end('load c10');
    await small;
    // This one would take what the large one needs.
    const middle = hold('d35');
    await turn();
    expect(calls).toEqual(['load a60', 'load c10']);
    busy.release();
    await end('unload a60');
    await end('load b60');
    await large;
    (await small).release();
    await end('unload c10');
    await end('load d35');
    await middle;
  });

  it('are no more than so many at once', async () => {
    const { loaded, hold, end, names } = setUpPool({ maxLoaded: 1 });
    (await loaded('a1')).release();
    const held = hold('b1');
    await end('unload a1');
    await end('load b1');
    await held;
    expect(names()).toEqual(['b1 ready']);
  });

  it('that would never fit, that are broken, and that nobody knows are refused, and nobody goes for them', async () => {
    const { loaded, hold, calls, turn, end } = setUpPool();
    (await loaded('a60')).release();
    expect(await Promise.all(['b101', 'e1', 'x1'].map((name) => settledWith(hold(name))))).toEqual([
      'out_of_memory',
      'invalid_model_file',
      'model_not_loaded',
    ]);
    expect(calls).toEqual(['load a60']);
    const failing = [hold('c10'), hold('c10')];
    await turn();
    const settled = Promise.all(failing.map(settledWith));
    await end('load c10', new StarlingError('invalid_model_file', 'cut short'));
    expect(await settled).toEqual(['invalid_model_file', 'invalid_model_file']);
    // The next one tries again.
    await loaded('c10');
  });

  it('that are loaded by somebody else are waited for', async () => {
    const { pool, entries, hold, turn } = setUpPool();
    entries.set('a10', { name: 'a10', source: 'a10', state: 'loading' });
    const held = hold('a10');
    await turn();
    entries.get('a10')!.state = 'ready';
    pool.settled('a10');
    await held;
  });

  it('are waited for by so many requests and no more; those whose client goes make room', async () => {
    const { hold, turn, end } = setUpPool({ maxWaiting: 2 });
    const gone = new AbortController();
    const [leaver, stayer] = [settledWith(hold('a10', gone.signal)), hold('b10')];
    expect(await settledWith(hold('c10'))).toBe('queue_full');
    gone.abort();
    expect(await leaver).toBe('cancelled');
    const third = hold('c10');
    await turn();
    // Begun before its client went: it is there for whoever comes.
    await end('load a10');
    await end('load b10');
    await stayer;
    await end('load c10');
    await third;
  });

  it('are refused when the server closes', async () => {
    const { pool, hold, loaded, turn } = setUpPool();
    await loaded('a60');
    const waiting = settledWith(hold('b60'));
    await turn();
    pool.close();
    expect(await waiting).toBe('shutting_down');
    expect(await settledWith(hold('c10'))).toBe('shutting_down');
  });
});

describe('models that nobody asks', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('give their memory back after a time, which their last request may have said', async () => {
    const { loaded, hold, pool, calls, end } = setUpPool({ keepAliveMs: 1000 });
    const [one, two] = [await loaded('a10'), await hold('a10')];
    one.release();
    jest.advanceTimersByTime(5000);
    expect([calls.length, pool.expiresAt('a10')]).toEqual([1, undefined]);
    two.release();
    jest.advanceTimersByTime(999);
    (await hold('a10')).release(5000);
    jest.advanceTimersByTime(4999);
    expect(calls).toEqual(['load a10']);
    jest.advanceTimersByTime(1);
    await end('unload a10');
    (await loaded('a10')).release(Infinity);
    jest.advanceTimersByTime(10 ** 9);
    expect(calls).toEqual(['load a10', 'unload a10', 'load a10']);
    expect(pool.expiresAt('a10')).toBeUndefined();
  });

  it('go when they are told to, but not from under a request', async () => {
    const { loaded, pool, turn, calls, end } = setUpPool();
    const held = await loaded('a10');
    pool.letGo('a10');
    await turn();
    expect(calls).toEqual(['load a10']);
    held.release(0);
    jest.advanceTimersByTime(0);
    await end('unload a10');
  });

  it('stay as long as the operator has it once somebody else loads them again, whatever was said of their time before', async () => {
    const { loaded, pool, calls, end, entries } = setUpPool({ keepAliveMs: 1000 });
    (await loaded('a10')).release(0);
    jest.advanceTimersByTime(0);
    await end('unload a10');
    pool.letGo('a10');
    entries.set('a10', { name: 'a10', source: 'a10', state: 'ready' });
    pool.settled('a10');
    jest.advanceTimersByTime(999);
    expect(calls).toEqual(['load a10', 'unload a10']);
    jest.advanceTimersByTime(1);
    await end('unload a10');
  });

  it('stay while they are replaced; who asks meanwhile waits for what is there then', async () => {
    const { loaded, pool, hold, turn, calls } = setUpPool();
    (await loaded('a10')).release();
    let finish = (): void => undefined;
    const away = pool.whileAway('a10', () => new Promise<void>((resolve) => (finish = resolve)));
    const held = hold('a10');
    await turn();
    finish();
    await away;
    (await held).release();
    expect(calls).toEqual(['load a10']);
  });
});
