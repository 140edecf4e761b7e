import { StarlingError } from '@starling/core';
import { until } from '../../../../tools/jest/until.js';
import type { AsideReply, AsideRequest, AsideThread } from './aside-job.js';
import { AsideQueue, type AsideOptions } from './aside-queue.js';

const queues: AsideQueue[] = [];
afterEach(() => {
  for (const queue of queues.splice(0)) queue.close();
});

/** A queue over threads that answer when they are told to. */
function setUp(options: AsideOptions = {}) {
  const threads: {
    readonly posted: AsideRequest[];
    reply: (reply: AsideReply) => void;
    end: (reason: string) => void;
    isTerminated: boolean;
  }[] = [];
  const queue = new AsideQueue((): AsideThread => {
    const thread = {
      posted: [] as AsideRequest[],
      reply: (_: AsideReply): void => undefined,
      end: (_: string): void => undefined,
      isTerminated: false,
    };
    threads.push(thread);
    return {
      post: (request) => void thread.posted.push(request),
      onReply: (listener) => void (thread.reply = listener),
      onEnd: (listener) => void (thread.end = listener),
      terminate: () => void (thread.isTerminated = true),
    };
  }, options);
  queues.push(queue);
  const decode = (name: number, tenant = 'a', signal?: AbortSignal) =>
    queue.do('decode', Uint32Array.of(name), { tenant, signal });
  const namesOf = (thread: (typeof threads)[number]) => thread.posted.map(({ given }) => (given as Uint32Array)[0]);
  return { queue, threads, decode, namesOf };
}

describe('AsideQueue', () => {
  it('does a job at a time, tenants in turn', async () => {
    const { threads, decode, namesOf } = setUp();
    const all = [decode(1), decode(2), decode(3), decode(10, 'b'), decode(11, 'b'), decode(20, 'c')];
    for (let i = 0; i < all.length; i++) {
      expect(namesOf(threads[0])).toHaveLength(i + 1);
      threads[0].reply({ result: `${i}` });
      await Promise.resolve();
    }
    expect(namesOf(threads[0])).toEqual([1, 2, 10, 20, 3, 11]);
    expect(await Promise.all(all)).toEqual(['0', '1', '4', '2', '5', '3']);
  });

  it('hands on what was refused, as it was', async () => {
    const { threads, decode } = setUp();
    const job = decode(1);
    threads[0].reply({ refusal: { code: 'invalid_grammar', message: 'no', details: { limit: 'x' } } });
    const error = await job.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StarlingError);
    expect(error).toMatchObject({ code: 'invalid_grammar', message: 'no', details: { limit: 'x' } });
  });

  it('ends a thread whose job takes too long, and does the next in another', async () => {
    const { threads, decode, namesOf } = setUp({ budgetMs: 20 });
    const [slow, next] = [decode(1), decode(2, 'b')];
    await expect(slow).rejects.toMatchObject({ code: 'unprocessable', details: { limitMs: 20 } });
    expect(threads[0].isTerminated).toBe(true);
    expect(namesOf(threads[1])).toEqual([2]);
    threads[0].reply({ result: 'late' });
    threads[1].reply({ result: 'there' });
    expect(await next).toBe('there');
  });

  it('goes on after a thread that died', async () => {
    const { threads, decode } = setUp();
    const [first, second] = [decode(1), decode(2)];
    threads[0].end('out of memory');
    await expect(first).rejects.toMatchObject({ code: 'internal', message: expect.stringContaining('out of memory') });
    threads[1].reply({ result: 'there' });
    expect(await second).toBe('there');
  });

  it('forgets what nobody waits for', async () => {
    const { threads, decode, namesOf } = setUp();
    const client = new AbortController();
    const [running, left, last] = [decode(1), decode(2, 'a', client.signal), decode(3)];
    client.abort();
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    await expect(decode(4, 'a', client.signal)).rejects.toMatchObject({ code: 'cancelled' });
    threads[0].reply({ result: '' });
    await running;
    expect(namesOf(threads[0])).toEqual([1, 3]);
    threads[0].reply({ result: '' });
    await last;
  });

  it('holds so many jobs of one tenant, and so many in all', async () => {
    const { queue, decode } = setUp();
    const jobs = Array.from({ length: 33 }, (_, i) => decode(i));
    await expect(decode(99)).rejects.toMatchObject({
      code: 'queue_full',
      details: { retryAfterMs: expect.any(Number) },
    });
    for (let tenant = 0; tenant < 224; tenant++) jobs.push(decode(0, `t${tenant}`));
    await expect(decode(99, 'another')).rejects.toMatchObject({ code: 'queue_full' });
    queue.close();
    for (const { status } of await Promise.allSettled(jobs)) expect(status).toBe('rejected');
  });

  it('lets a thread go that has nothing to do, and begins another when there is', async () => {
    const { threads, decode } = setUp({ idleMs: 10 });
    const job = decode(1);
    threads[0].reply({ result: '' });
    await job;
    await until(() => threads[0].isTerminated);
    const another = decode(2);
    expect(threads).toHaveLength(2);
    threads[1].reply({ result: '' });
    await another;
  });

  it('ends with the model', async () => {
    const { queue, threads, decode } = setUp();
    const job = decode(1);
    queue.close();
    await expect(job).rejects.toMatchObject({ code: 'closed' });
    await expect(decode(2)).rejects.toMatchObject({ code: 'closed' });
    expect(threads[0].isTerminated).toBe(true);
  });
});
