import { MemorySpillStore } from './memory-spill-store.js';
import { describeSpillStore } from './spill-store.contract.js';

describeSpillStore('MemorySpillStore', (limitBytes) => Promise.resolve(new MemorySpillStore(limitBytes)));
