import { jest } from '@jest/globals';
import { limitStoreContract } from './limit-store.contract.js';
import { MemoryLimitStore } from './memory-limit-store.js';

describe('limits in memory', () => {
  limitStoreContract((windowSeconds) => Promise.resolve(new MemoryLimitStore(windowSeconds)));

  it('have nobody wait for longer than a window when the system’s clock is set back', async () => {
    const store = new MemoryLimitStore(60);
    await store.add('a', 3);
    const jump = jest.spyOn(Date, 'now').mockReturnValue(Date.now() - 86_400_000);
    expect(await store.read('a')).toEqual({ used: 3, msLeft: 60_000 });
    jump.mockRestore();
    await store.close();
  });
});
