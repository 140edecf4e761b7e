export { loadTransformer, planMemory } from './load/load-transformer.node.js';
