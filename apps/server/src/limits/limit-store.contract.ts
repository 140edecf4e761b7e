import { until } from '../../../../tools/jest/until.js';
import type { LimitStore } from './limit-store.js';

/** How a suite makes stores: those of one call count together where the kind can. */
export type OpenStore = (windowSeconds: number) => Promise<LimitStore>;

/** What each place where limits are counted must do. */
export function limitStoreContract(open: OpenStore): void {
  let names = 0;
  /** A name that no other test counts under. */
  const freshName = () => `name-${process.pid}-${names++}`;
  const stores: LimitStore[] = [];
  const store = async (windowSeconds = 60) => {
    const opened = await open(windowSeconds);
    stores.push(opened);
    return opened;
  };
  afterEach(async () => {
    for (const opened of stores.splice(0)) await opened.close();
  });

  it('adds up what is counted, by name', async () => {
    const counts = await store();
    const [a, b] = [freshName(), freshName()];
    expect(await counts.read(a)).toEqual({ used: 0, msLeft: 60_000 });
    expect((await counts.add(a, 3)).used).toBe(3);
    expect((await counts.add(a, 4)).used).toBe(7);
    expect((await counts.add(b, 1)).used).toBe(1);
    const { used, msLeft } = await counts.read(a);
    expect(used).toBe(7);
    expect(msLeft).toBeGreaterThan(0);
    expect(msLeft).toBeLessThanOrEqual(60_000);
  });

  it('gives each of many that add at once another sum', async () => {
    const counts = await store();
    const name = freshName();
    const sums = await Promise.all(Array.from({ length: 50 }, async () => (await counts.add(name, 1)).used));
    expect(sums.sort((x, y) => x - y)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });

  it('begins anew when the window ends', async () => {
    const counts = await store(1);
    const name = freshName();
    await counts.add(name, 5);
    await until(async () => (await counts.read(name)).used === 0);
    expect(await counts.read(name)).toEqual({ used: 0, msLeft: 1000 });
    // A window may end before its count is told, where all stands still for a second.
    await until(async () => (await counts.add(name, 2)).used === 2);
  });

  it('gives as many places as there are, and each again when it is given back, once', async () => {
    const places = await store();
    const name = freshName();
    const [first, second, third] = await Promise.all([
      places.acquire(name, 2),
      places.acquire(name, 2),
      places.acquire(name, 2),
    ]);
    const held = [first, second, third].filter((lease) => lease !== undefined);
    expect(held).toHaveLength(2);
    expect(await places.acquire(freshName(), 2)).toBeDefined();
    await held[0].release();
    await held[0].release();
    expect(await places.acquire(name, 2)).toBeDefined();
    expect(await places.acquire(name, 2)).toBeUndefined();
    await held[1].release();
    expect(await places.acquire(name, 2)).toBeDefined();
  });

  it('counts no place for a request that got none', async () => {
    const places = await store();
    const name = freshName();
    const lease = await places.acquire(name, 1);
    for (let i = 0; i < 5; i++) expect(await places.acquire(name, 1)).toBeUndefined();
    await lease!.release();
    expect(await places.acquire(name, 1)).toBeDefined();
  });
}
