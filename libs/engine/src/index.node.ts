export { physicalMemoryBytes } from './physical-memory.node.js';
export { readSessionFile, writeSessionFile } from './session-file.node.js';
