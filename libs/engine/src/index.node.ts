export { Starling, physicalMemoryBytes, type ModelSource } from './starling.node.js';
