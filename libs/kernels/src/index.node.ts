export { physicalCores } from './team/physical-cores.node.js';
export { nodeWorkers } from './team/node-workers.node.js';
export { nodeCompiler } from './matmul/compile-kernels.node.js';
export { enableRelaxedSimd } from './simd/relaxed-simd.node.js';
