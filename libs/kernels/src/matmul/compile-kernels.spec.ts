import { compileKernels, nodeBuild } from './compile-kernels.node.js';
import { PLAIN_BUILD } from './dot-mode.js';
import { MatmulHarness, randomActivations, randomFile } from './matmul-harness.js';
import { buildMatmulModule } from './matmul-module.js';

const [rows, cols] = [16, 64];

/** Instantiates a module and multiplies `tokens` rows with it. */
function use(module: WebAssembly.Module, tokens: number): Float32Array {
  const harness = new MatmulHarness('Q4_0', PLAIN_BUILD, module);
  const matrix = harness.pack(randomFile('Q4_0', rows, cols, 1), rows, cols);
  return harness.matmul(matrix, harness.activations(randomActivations(9 * cols, 2), cols), {
    rowBegin: 0,
    rowEnd: rows,
    tokens,
    cols,
    outputRows: rows,
  });
}

describe('compileKernels', () => {
  it('changes nothing for other modules of the process, whenever they are compiled, instantiated and run', async () => {
    const bytes = buildMatmulModule(['Q4_0'], PLAIN_BUILD);
    const other = new WebAssembly.Module(bytes);
    const expected = use(other, 9);
    const build = nodeBuild();
    for (let round = 0; round < 3; round++) {
      const compiling = compileKernels(buildMatmulModule(['Q4_K', 'F32'], build), build);
      await Promise.resolve();
      const meanwhile = new WebAssembly.Module(bytes);
      for (const module of [other, meanwhile])
        for (let tokens = 1; tokens <= 9; tokens++)
          expect(use(module, tokens)).toEqual(expected.subarray(0, rows * tokens));
      await compiling;
      for (const module of [other, meanwhile]) expect(use(module, 9)).toEqual(expected);
    }
  });

  it('leaves the engine able to compile after a module that it refuses', async () => {
    const build = nodeBuild();
    await expect(compileKernels(Uint8Array.of(0, 1, 2), build)).rejects.toThrow(WebAssembly.CompileError);
    expect(await compileKernels(buildMatmulModule(['F32'], build), build)).toBeInstanceOf(WebAssembly.Module);
  });
});
