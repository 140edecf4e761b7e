// Writes docs/architectures.md.
import fs from 'node:fs';
import { architectures } from '../../src/architecture/registry.js';
import { architectureTable, tableFile } from './architecture-table.js';

fs.writeFileSync(tableFile, architectureTable(architectures));
