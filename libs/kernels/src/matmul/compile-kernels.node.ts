import v8 from 'node:v8';
import { enableRelaxedSimd } from '../simd/relaxed-simd.node.js';
import { fastestBuild, type KernelBuild } from './dot-mode.js';
import type { KernelCompiler } from './kernel-compiler.js';

/** Versions of V8 whose optimising compiler is told to compile all at once (others find out by themselves what is hot): those of Node 20, 22, 24 and 26. */
const EAGER_VERSIONS = ['11.3.', '12.4.', '13.6.', '14.6.'];
/**
 * Versions of V8 that join pairs of 128-bit vectors to 256 bits correctly and know the instructions that matter. It is an experimental
 * option of V8, which may end the process over some kernels, so each version has to be tried before it is named here. (14.6 does over
 * arithmetic on constants that are read as vectors; spread from a word by an instruction they are fine.)
 */
const JOINING_VERSIONS = ['13.6.', '14.6.'];

/** Options of V8 that are on by themselves. */
const EAGER_FLAGS = ['liftoff', 'wasm-dynamic-tiering', 'wasm-lazy-compilation'];
/**
 * Versions that end the process where the optimising compiler comes first, unless it is told not to prepare for going back to the baseline
 * compiler. (Without inlining they would do without that too. But then a module that has run already, and is instantiated anew at that
 * moment by anyone in the process, reads memory that is not there.)
 */
const NO_RETURN_VERSIONS = ['14.6.'];
const RETURN_FLAG = 'wasm-deopt';
const JOINING_FLAG = 'experimental-wasm-revectorize';

const isOneOf = (versions: readonly string[]): boolean =>
  versions.some((version) => process.versions.v8.startsWith(version));

/** The fastest build on this version of Node and processor. */
export function nodeBuild(): KernelBuild {
  enableRelaxedSimd();
  return fastestBuild(process.arch === 'x64' && isOneOf(JOINING_VERSIONS));
}

/** The compiler of this version of Node, at its best. */
export function nodeCompiler(): KernelCompiler {
  return { build: nodeBuild(), compile: compileKernels };
}

let last: Promise<unknown> = Promise.resolve();

/**
 * Compiles a module of kernels with the optimising compiler, so that the first call is as fast as all others, and with vectors joined
 * if the build says so. The engine's options are changed for as long as that takes, so one module is compiled after another.
 */
export async function compileKernels(bytes: BufferSource, build: KernelBuild): Promise<WebAssembly.Module> {
  const compiled = last.then(() => compile(bytes, build.wide));
  last = compiled.catch(() => undefined);
  return compiled;
}

async function compile(bytes: BufferSource, wide: boolean): Promise<WebAssembly.Module> {
  setFlags(true, wide);
  // Compilation in the background does not always keep the process from ending.
  const keepAlive = setInterval(() => undefined, 1000);
  try {
    return await WebAssembly.compile(bytes);
  } finally {
    clearInterval(keepAlive);
    setFlags(false, wide);
  }
}

/** The same at once, for tests: it blocks the thread. */
export function compileKernelsNow(bytes: BufferSource, { wide }: Pick<KernelBuild, 'wide'>): WebAssembly.Module {
  setFlags(true, wide);
  try {
    return new WebAssembly.Module(bytes);
  } finally {
    setFlags(false, wide);
  }
}

function setFlags(on: boolean, wide: boolean): void {
  const eager = [
    ...(isOneOf(EAGER_VERSIONS) ? EAGER_FLAGS : []),
    ...(isOneOf(NO_RETURN_VERSIONS) ? [RETURN_FLAG] : []),
  ];
  for (const flag of eager) v8.setFlagsFromString(on ? `--no-${flag}` : `--${flag}`);
  if (wide && isOneOf(JOINING_VERSIONS)) v8.setFlagsFromString(on ? `--${JOINING_FLAG}` : `--no-${JOINING_FLAG}`);
}
