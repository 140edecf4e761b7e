export { nodeWorkers } from './team/node-workers.node.js';
export { enableRelaxedSimd } from './simd/relaxed-simd.node.js';
