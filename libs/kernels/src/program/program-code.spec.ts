import { ComputeMemory } from '../memory/compute-memory.js';
import { stepCounts } from '../team/control-block.js';
import { descriptorWords, KernelTable, readProgram, structureWords, writeProgram } from './program-code.js';
import type { KernelCall, Phase } from './program.js';

const kernel = (name: string, operands: KernelCall['operands']): KernelCall => ({
  kernel: { kind: 'wasm', module: 'ops', name },
  operands,
  source: { name, emit: () => undefined },
});

const phases: Phase[] = [
  {
    home: { index: 0 },
    tasks: [
      {
        per: 'tokens',
        factor: 3,
        chunk: 2,
        calls: [kernel('a', [1, { float: 0.5 }]), kernel('b', [{ address: 0xf0000000 }])],
      },
    ],
  },
  {
    home: { index: 1 },
    tasks: [
      {
        per: 'one',
        factor: 100,
        chunk: 16,
        batchChunk: 8,
        calls: [{ kernel: { kind: 'matrix', role: 'multiply', name: 'matmul.Q8_0' }, operands: [7, 8, 9] }],
      },
      {
        per: 'experts',
        factor: 4,
        chunk: 1,
        calls: [
          { kernel: { kind: 'matrix', role: 'multiplyExperts', name: 'matmul.Q8_0' }, operands: [10] },
          kernel('a', [11, 12]),
        ],
      },
    ],
  },
];

describe('a program in memory', () => {
  it('reads back as it was written: structure in the first memory, operands in the memory of each phase', () => {
    const memories = [ComputeMemory.create(65536), ComputeMemory.create(65536)];
    const table = new KernelTable();
    table.add(phases);
    expect(table.kernels).toEqual(
      [
        phases[0].tasks[0].calls[0],
        phases[0].tasks[0].calls[1],
        phases[1].tasks[0].calls[0],
        phases[1].tasks[1].calls[0],
      ].map((call) => call.kernel),
    );
    expect([...table.sources.keys()]).toEqual(['a', 'b']);

    writeProgram(phases, table, memories, 1024, [2048, 4096]);
    expect(readProgram(memories[0].words, 1024)).toEqual([
      {
        memory: 0,
        tasks: [
          {
            per: stepCounts.tokens,
            factor: 3,
            chunk: 2,
            batchChunk: 2,
            calls: [
              { kernel: 0, descriptor: 2048 },
              { kernel: 1, descriptor: 2056 },
            ],
          },
        ],
      },
      {
        memory: 1,
        tasks: [
          { per: stepCounts.one, factor: 100, chunk: 16, batchChunk: 8, calls: [{ kernel: 2, descriptor: 4096 }] },
          {
            per: stepCounts.experts,
            factor: 4,
            chunk: 1,
            batchChunk: 1,
            calls: [
              { kernel: 3, descriptor: 4108 },
              { kernel: 0, descriptor: 4112 },
            ],
          },
        ],
      },
    ]);
    expect(memories[0].words[512]).toBe(1);
    expect(memories[0].floats[513]).toBe(0.5);
    expect(memories[0].words[514] >>> 0).toBe(0xf0000000);
    expect(Array.from(memories[1].words.subarray(1024, 1030))).toEqual([7, 8, 9, 10, 11, 12]);
  });

  it('takes the words that it is said to take', () => {
    expect([0, 1].map((memory) => descriptorWords(phases, memory))).toEqual([3, 6]);
    const memories = [ComputeMemory.create(65536), ComputeMemory.create(65536)];
    memories[0].words.fill(-1);
    writeProgram(phases, new KernelTable(), memories, 0, [40_000, 40_000]);
    const words = structureWords(phases);
    expect(memories[0].words[words]).toBe(-1);
    expect(memories[0].words[words - 1]).not.toBe(-1);
  });
});
