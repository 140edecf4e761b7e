export * from './face.js';
export { Starling } from './starling.node.js';
