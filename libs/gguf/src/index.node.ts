export { openGgufFile } from './open.node.js';
export { openFileSource } from './file-source.node.js';
