export { loadTransformer } from './load/load-transformer.node.js';
