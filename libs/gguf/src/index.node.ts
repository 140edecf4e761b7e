export { openGgufFile } from './open.node.js';
export { openFileSource } from './file-source.node.js';
export { readImportanceFile } from './importance.node.js';
export { writeFileWhole } from './file-sink.node.js';
export { convertInThreads, type ConverterTeam } from './converter-team.node.js';
