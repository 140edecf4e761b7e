// Writes docs/metrics.md.
import fs from 'node:fs';
import { metricsTable, tableFile } from './metrics-table.js';

fs.writeFileSync(tableFile, metricsTable());
