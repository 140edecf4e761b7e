import { watchEventLoopDelay } from './event-loop-delay.node.js';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('event loop delay', () => {
  it('sees a blocked event loop, and forgets it with the next stretch', async () => {
    const monitor = watchEventLoopDelay();
    await sleep(20);
    monitor.take();
    // A stretch begins with the sampler's first timer after the reset.
    await sleep(20);
    const end = performance.now() + 80;
    while (performance.now() < end);
    await sleep(20);
    expect(monitor.take().maxMs).toBeGreaterThan(40);
    monitor.stop();
    expect(monitor.take()).toEqual({ p50Ms: 0, p99Ms: 0, maxMs: 0 });
  });
});
