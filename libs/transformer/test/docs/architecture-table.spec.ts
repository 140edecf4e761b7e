import fs from 'node:fs';
import { architectures } from '../../src/architecture/registry.js';
import { architectureTable, tableFile } from './architecture-table.js';

describe('docs/architectures.md', () => {
  const table = architectureTable(architectures);

  it('is as `npm run docs` writes it', () => {
    expect(fs.readFileSync(tableFile, 'utf8')).toBe(table);
  });

  it('names a family and a test of every architecture', () => {
    for (const { name, families } of architectures) {
      expect(families).toMatch(/\S/);
      expect(table).toMatch(
        new RegExp(`^\\| \`${name}\` \\| [^|]+ \\| (scalar evaluation|golden results)[^|]*\\|$`, 'm'),
      );
    }
  });
});
