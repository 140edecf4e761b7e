import fc from 'fast-check';
import { ComputeMemory } from './compute-memory.js';
import { MemoryLayout, maximumMemoryBytes } from './memory-layout.js';

describe('a memory layout', () => {
  it('gives regions that do not overlap, aligned as asked', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(10_000), fc.constantFrom(4, 64, 4096)), { minLength: 1 }), (requests) => {
        const layout = new MemoryLayout();
        for (const [bytes, alignment] of requests) layout.reserve('part', bytes, alignment);
        let end = 0;
        layout.regions.forEach(({ address, bytes }, i) => {
          expect(address).toBeGreaterThanOrEqual(end);
          expect(address % requests[i][1]).toBe(0);
          end = address + bytes;
        });
        expect(layout.byteLength).toBe(end);
      }),
    );
  });

  it('refuses what passes 4 GiB, with figures, and stays as it was', () => {
    const layout = new MemoryLayout();
    layout.reserve('first', 2 ** 31);
    expect(() => layout.reserve('second', 2 ** 31)).toThrow(
      expect.objectContaining({
        code: 'out_of_memory',
        details: { region: 'second', bytes: 2 ** 31, available: maximumMemoryBytes - 2 ** 31 },
      }) as Error,
    );
    expect(layout.byteLength).toBe(2 ** 31);
    expect(layout.reserve('third', 2 ** 30).address).toBe(2 ** 31);
  });
});

describe('a compute memory', () => {
  it('is zeroed, shared, and one in all its views', () => {
    const { memory, words, floats, doubles, bytes } = ComputeMemory.create(100_000);
    expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(bytes.length).toBe(131_072);
    expect(bytes.some((byte) => byte !== 0)).toBe(false);
    doubles[2] = 1;
    expect(words[5]).toBe(0x3ff00000);
    expect(floats[5]).toBe(1.875);
  });

  it('cannot be larger than a WebAssembly memory', () => {
    expect(() => ComputeMemory.create(2 ** 32)).toThrow(expect.objectContaining({ code: 'out_of_memory' }) as Error);
  });
});
