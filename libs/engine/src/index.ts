export * from './face.js';
export { Starling } from './starling.js';
