export { readRecord, writeRecord } from './spill/record-file.node.js';
export { DiskSpillStore, type DiskSpillOptions, type FolderSharing } from './spill/disk-spill-store.node.js';
