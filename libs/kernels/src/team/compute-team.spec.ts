import { jest } from '@jest/globals';
import { ComputeMemory } from '../memory/compute-memory.js';
import { PLAIN_BUILD } from '../matmul/dot-mode.js';
import { MemoryLayout } from '../memory/memory-layout.js';
import { addRows, gatherRows, scaleRows } from '../ops/elementwise.js';
import { opsModuleName } from '../ops/kernel-definition.js';
import { buildOpsModule } from '../ops/ops-module.js';
import { descriptorWords, KernelTable, structureWords, writeProgram } from '../program/program-code.js';
import type { Phase, Task } from '../program/program.js';
import { ComputeTeam } from './compute-team.js';
import { controlBytes } from './control-block.js';
import { nodeWorkers } from './node-workers.node.js';
import type { TeamWorker } from './worker-protocol.js';

const workerEntry = new URL('../../build/compute-worker.node.js', import.meta.url);
const rows = 37;
const stride = 64;

/** A team over one memory with two buffers of rows, and programs made of the tasks given. */
class TestTeam {
  readonly memory: ComputeMemory;
  readonly team: ComputeTeam;
  readonly a: number;
  readonly b: number;
  readonly #programs: number[] = [];

  constructor(
    threads: number | 'inline',
    programs: (places: { a: number; b: number; indexes: number }) => Task[][][],
    workers = nodeWorkers(workerEntry),
  ) {
    const layout = new MemoryLayout();
    layout.reserve('control', controlBytes);
    const scratch = Array.from({ length: threads === 'inline' ? 1 : threads }, () => [
      layout.reserve('scratch', 64).address,
    ]);
    this.a = layout.reserve('a', rows * stride).address;
    this.b = layout.reserve('b', rows * stride).address;
    const indexes = layout.reserve('indexes', 4 * rows).address;
    const table = new KernelTable();
    const planned = programs({ a: this.a, b: this.b, indexes }).map((tasks) => {
      const phases: Phase[] = tasks.map((phase) => ({ home: { index: 0 }, tasks: phase }));
      table.add(phases);
      return {
        phases,
        structure: layout.reserve('structure', 4 * structureWords(phases)).address,
        descriptors: layout.reserve('descriptors', 4 * descriptorWords(phases, 0)).address,
      };
    });
    this.memory = ComputeMemory.create(layout.byteLength);
    for (const { phases, structure, descriptors } of planned) {
      writeProgram(phases, table, [this.memory], structure, [descriptors]);
      this.#programs.push(structure);
    }
    const modules = { [opsModuleName]: new WebAssembly.Module(buildOpsModule(table.sources.values(), PLAIN_BUILD)) };
    this.team = new ComputeTeam({
      memories: [this.memory],
      modules,
      kernels: table.kernels,
      scratch,
      workers: threads === 'inline' ? undefined : workers,
    });
  }

  async run(program: number, tokens: number): Promise<void> {
    this.team.setCount('tokens', tokens);
    await this.team.run(this.#programs[program]);
  }

  row(address: number, row: number): number {
    return this.memory.floats[(address + row * stride) >>> 2];
  }
}

const task = (calls: Task['calls'], chunk = 1): Task => ({ per: 'tokens', factor: 1, chunk, calls });
const addTo = (target: number, source: number): Task['calls'][number] =>
  addRows.call({ target, targetStride: stride, source, sourceStride: stride, bytes: stride, scale: 1 });
const double = (target: number): Task['calls'][number] =>
  scaleRows.call({ input: target, inputStride: stride, output: target, outputStride: stride, bytes: stride, scale: 2 });

describe('a compute team', () => {
  it.each(['inline', 1, 2, 3] as const)('runs phases one after another, each unit once (%s)', async (threads) => {
    // b += a; a = 2 a (each needs the other's last value), 40 times; rows beyond `tokens` stay as they are.
    const team = new TestTeam(threads, ({ a, b }) => [
      Array.from({ length: 40 }, (_, i) => [i % 2 === 0 ? task([addTo(b, a)], 2) : task([double(a), addTo(a, b)], 3)]),
    ]);
    for (let step = 0; step < 30; step++) {
      const tokens = 1 + ((step * 7) % rows);
      team.memory.floats.fill(1, team.a >>> 2, (team.a + rows * stride) >>> 2);
      team.memory.floats.fill(0, team.b >>> 2, (team.b + rows * stride) >>> 2);
      await team.run(0, tokens);
      let [a, b] = [1, 0];
      for (let phase = 0; phase < 40; phase++) {
        if (phase % 2 === 0) b = Math.fround(b + a);
        else a = Math.fround(Math.fround(2 * a) + b);
      }
      for (let row = 0; row < rows; row++) {
        expect(team.row(team.a, row)).toBe(row < tokens ? a : 1);
        expect(team.row(team.b, row)).toBe(row < tokens ? b : 0);
      }
    }
    await team.team.close();
  });

  it('lets tasks of one phase run side by side, and passes over phases without work', async () => {
    const nothing: Task = { ...task([]), per: 'experts', calls: [double(64)] };
    const team = new TestTeam(2, ({ a, b }) => [
      [[nothing], [task([double(a)]), task([double(b)])], [nothing], [task([addTo(a, b)])], [nothing]],
      [[nothing]],
    ]);
    team.memory.floats.fill(1, team.a >>> 2, (team.b + rows * stride) >>> 2);
    await team.run(0, rows);
    await team.run(1, rows);
    expect([0, 20, rows - 1].map((row) => team.row(team.a, row))).toEqual([4, 4, 4]);
    await team.team.close();
  });

  it.each([2, 'inline'] as const)(
    'fails the step when a kernel fails, and goes on, with new workers if there were any (%s)',
    async (threads) => {
      const team = new TestTeam(threads, ({ a, b, indexes }) => [
        [
          [
            task([
              gatherRows.call({
                table: a,
                tableStride: stride,
                indexes,
                output: b,
                outputStride: stride,
                bytes: stride,
              }),
            ]),
          ],
        ],
        [[task([double(a)])]],
      ]);
      const reasons: string[] = [];
      team.team.restarts.on(({ reason }) => void reasons.push(reason));
      // Row numbers that lead far outside of the memory.
      team.memory.words.fill(2 ** 25, (team.b + rows * stride) >>> 2, (team.b + rows * stride + 4 * rows) >>> 2);
      await expect(team.run(0, rows)).rejects.toMatchObject({ code: 'worker_failed' });
      expect(reasons).toHaveLength(threads === 'inline' ? 0 : 1);
      team.memory.floats.fill(3, team.a >>> 2, (team.a + rows * stride) >>> 2);
      await team.run(1, rows);
      expect(team.row(team.a, 5)).toBe(6);
      await team.team.close();
    },
  );

  it.each(['start', 'step'] as const)('replaces workers that hang over a %s', async (what) => {
    const { spawn } = nodeWorkers(workerEntry);
    let spawned = 0;
    // The first does nothing that it is asked to.
    const hung = (): TeamWorker => ({
      post: () => undefined,
      onReport: (listener) => void (what === 'step' && listener({ kind: 'ready' })),
      onEnd: () => undefined,
      keepAlive: () => undefined,
      terminate: () => Promise.resolve(),
    });
    const team = new TestTeam(1, ({ a }) => [[[task([double(a)])]]], {
      spawn: () => (spawned++ === 0 ? hung() : spawn()),
    });
    const reasons: string[] = [];
    team.team.restarts.on(({ reason }) => void reasons.push(reason));
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    const failed = expect(team.run(0, rows)).rejects.toMatchObject({ code: 'worker_failed' });
    await jest.advanceTimersByTimeAsync(59_999);
    expect(reasons).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    await failed;
    jest.useRealTimers();
    expect(reasons).toEqual([`nothing has come of its ${what} for 60000 ms`]);
    team.memory.floats.fill(3, team.a >>> 2, (team.a + rows * stride) >>> 2);
    await team.run(0, rows);
    expect(team.row(team.a, 5)).toBe(6);
    await team.team.close();
  });

  it('ends a step with `closed` when it is closed, and refuses later ones', async () => {
    const team = new TestTeam(2, ({ a }) => [Array.from({ length: 20_000 }, () => [task([double(a)])])]);
    await team.team.start();
    const step = team.run(0, rows);
    const closing = team.team.close();
    await expect(step).rejects.toMatchObject({ code: 'closed' });
    await closing;
    await expect(team.run(0, 1)).rejects.toMatchObject({ code: 'closed' });
  });

  it('runs one step at a time', async () => {
    const team = new TestTeam(1, ({ a }) => [[[task([double(a)])]]]);
    const first = team.run(0, 1);
    await expect(team.run(0, 1)).rejects.toMatchObject({ code: 'internal' });
    await first;
    await team.team.close();
  });
});
