import fs from 'node:fs';
import { metricsTable, tableFile } from './metrics-table.js';

describe('docs/metrics.md', () => {
  it('is as `npm run docs` writes it', () => {
    expect(fs.readFileSync(tableFile, 'utf8')).toBe(metricsTable());
  });
});
