import fc from 'fast-check';
import { call, tee } from './function-builder.js';
import { ModuleBuilder } from './module-builder.js';
import { atomicFence, f32, f64, i32, i64, memoryCopy, memoryFill } from './scalar-ops.js';
import { f32x4, f64x2, i16x8, i32x4, i64x2, i8x16, v128 } from './simd-ops.js';
import { hasRelaxedSimd } from '../simd/simd-level.js';
import type { Expr, Statement } from './expression.js';

type Exports = Record<string, (...args: number[]) => number>;

function instantiate(module: ModuleBuilder, memory?: WebAssembly.Memory): Exports {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), { env: memory ? { memory } : {} });
  return instance.exports as unknown as Exports;
}

const onePage = { initialPages: 1, maximumPages: 1, shared: true } as const;

describe('ModuleBuilder', () => {
  it('adds, branches and loops', () => {
    const module = new ModuleBuilder();
    module.function('sumBelow', { params: ['i32'], result: 'i32', export: true }, (f, n) => {
      const sum = f.local('i32');
      const i = f.local('i32');
      f.for(i, 0, n, 1, () =>
        f.if(
          i32.and(i, 1),
          () => f.set(sum, i32.add(sum, i)),
          () => f.set(sum, i32.sub(sum, 1)),
        ),
      );
      f.result(sum);
    });
    const { sumBelow } = instantiate(module);
    expect(sumBelow(0)).toBe(0);
    expect(sumBelow(5)).toBe(1 + 3 - 3);
  });

  it('leaves blocks and loops by their labels, however deep', () => {
    const module = new ModuleBuilder();
    module.function('firstDivisor', { params: ['i32'], result: 'i32', export: true }, (f, n) => {
      const d = f.local('i32', 2);
      f.block((found) =>
        f.loop((again) => {
          f.if(i32.eqz(i32.remU(n, d)), () => f.branch(found));
          f.advance(d, 1);
          f.branch(again);
        }),
      );
      f.result(d);
    });
    expect(instantiate(module).firstDivisor(91)).toBe(7);
  });

  it('calls functions defined before, and imported ones', () => {
    const module = new ModuleBuilder();
    const host = module.importFunction('env', 'host', { params: ['i32'], result: 'i32' });
    const twice = module.function('twice', { params: ['i32'], result: 'i32' }, (f, x) => f.result(i32.mul(x, 2)));
    module.function('run', { params: ['i32'], result: 'i32', export: true }, (f, x) => {
      f.call(host, 100);
      f.result(call(twice, call(host, x)));
    });
    const seen: number[] = [];
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), {
      env: { host: (x: number) => seen.push(x) + x },
    });
    expect((instance.exports as unknown as Exports).run(5)).toBe(14);
    expect(seen).toEqual([100, 5]);
  });

  it('writes every integer constant so that it comes back', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 }), (value) => {
        const module = new ModuleBuilder();
        module.function('get', { params: [], result: 'i32', export: true }, (f) => f.result(value));
        return instantiate(module).get() === (value | 0);
      }),
      { numRuns: 200 },
    );
  });

  it('shares memory between instances, with atomics', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const module = new ModuleBuilder();
    module.importMemory('env', 'memory', onePage);
    module.function('take', { params: ['i32'], result: 'i32', export: true }, (f, address) => {
      f.do(atomicFence);
      f.call(
        module.function('notify', { params: ['i32'], result: 'i32' }, (g, a) => g.result(i32.atomicNotify(a, -1))),
        address,
      );
      f.result(i32.atomicAdd(address, 3));
    });
    const [a, b] = [instantiate(module, memory), instantiate(module, memory)];
    expect([a.take(64), b.take(64), a.take(64)]).toEqual([0, 3, 6]);
  });

  it('keeps vector constants once, in the instance', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const module = new ModuleBuilder();
    module.importMemory('env', 'memory', onePage);
    const lanes = module.vectorConstant(new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer));
    expect(module.vectorConstant(new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer))).toBe(lanes);
    module.function('put', { params: ['i32'], export: true }, (f, address) =>
      f.do(v128.store(address, f32x4.mul(lanes, lanes), 16)),
    );
    instantiate(module, memory).put(0);
    expect(Array.from(new Float32Array(memory.buffer, 16, 4))).toEqual([1, 4, 9, 16]);
  });

  it('gives code that the engine accepts for every instruction of the tables', () => {
    const relaxed = hasRelaxedSimd();
    const examples = {
      i32: i32.const(8),
      i64: i64.const(8n),
      f32: f32.const(1.5),
      f64: f64.const(1.5),
      v128: v128.const(new Array<number>(16).fill(1)),
    };
    const tables = { i32, i64, f32, f64, v128, i8x16, i16x8, i32x4, i64x2, f32x4, f64x2 };
    const argumentLists: Expr<keyof typeof examples>[][] = [];
    const kinds = Object.values(examples);
    for (const a of kinds) {
      argumentLists.push([a]);
      for (const b of kinds) {
        argumentLists.push([a, b]);
        for (const c of kinds) argumentLists.push([a, b, c]);
      }
    }
    const failed: string[] = [];
    for (const [type, table] of Object.entries(tables)) {
      for (const [name, op] of Object.entries(table)) {
        if (!relaxed && name.startsWith('relaxed')) continue;
        if (!accepted(op as (...args: unknown[]) => Expr<'i32'> | Statement, argumentLists))
          failed.push(`${type}.${name}`);
      }
    }
    expect(failed).toEqual([]);
  });

  it('copies and fills memory', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const module = new ModuleBuilder();
    module.importMemory('env', 'memory', onePage);
    module.function('run', { params: [], result: 'i32', export: true }, (f) => {
      const x = f.local('i32');
      f.do(memoryFill(0, 7, 4), memoryCopy(8, 0, 2));
      f.result(i32.add(tee(x, i32.load(8)), x));
    });
    expect(instantiate(module, memory).run()).toBe(0x0707 * 2);
  });
});

/** Whether some list of arguments makes the instruction valid: the tables' types are checked against the engine. */
function accepted(
  op: (...args: unknown[]) => Expr<'i32'> | Statement,
  argumentLists: Expr<'i32' | 'i64' | 'f32' | 'f64' | 'v128'>[][],
): boolean {
  const bytes = new Array<number>(16).fill(1);
  const special: unknown[][] = [[bytes], [v128.const(bytes), v128.const(bytes), bytes], [1], [1n]];
  const withLane = argumentLists.flatMap((list) => [
    [...list, 1],
    [list[0], 1, list[1] ?? list[0]],
  ]);
  return [...special, ...argumentLists, ...withLane].some((args) => {
    const module = new ModuleBuilder();
    module.importMemory('env', 'memory', onePage);
    try {
      module.function('probe', { params: [] }, (f) => {
        const code = op(...args);
        if (code.type === 'statement') f.do(code);
        else f.set(f.local(code.type), code);
      });
      return WebAssembly.validate(module.encode());
    } catch {
      return false;
    }
  });
}
