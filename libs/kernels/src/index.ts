export { MemoryLayout, maximumMemoryBytes, type Region } from './memory/memory-layout.js';
export { ComputeMemory } from './memory/compute-memory.js';
export { ComputeTeam, type TeamRestart } from './team/compute-team.js';
export { ComputeTurns } from './team/compute-turns.js';
export type { TeamOptions } from './team/team-options.js';
export { type StepCount } from './team/control-block.js';
export { type NamedModules } from './team/kernel-binding.js';
export type { TeamWorker, WorkerFactory, WorkerReport, StartMessage } from './team/worker-protocol.js';
export { webWorkers } from './team/web-workers.js';
export { serveTeam } from './team/worker-loop.js';
export type {
  Home,
  KernelCall,
  KernelRef,
  KernelSource,
  Operand,
  OpsBuild,
  Phase,
  Placed,
  Task,
} from './program/program.js';
export { KernelTable, writeProgram } from './program/program-code.js';
export { hasRelaxedSimd, type SimdLevel } from './simd/simd-level.js';
export { buildMatmulModule } from './matmul/matmul-module.js';
export { fastestBuild, PLAIN_BUILD, type KernelBuild } from './matmul/dot-mode.js';
export type { KernelCompiler } from './matmul/kernel-compiler.js';
export type { MatmulFormatName } from './matmul/format.js';
export { buildOpsModule } from './ops/ops-module.js';
export {
  hasMatrixFormat,
  matrixFormatOf,
  type ActivationFormat,
  type ConvertOperands,
  type LookupOperands,
  type MatrixFormat,
  type MultiplyExpertsOperands,
  type MultiplyOperands,
  type PackOperands,
} from './ops/matrix-format.js';
