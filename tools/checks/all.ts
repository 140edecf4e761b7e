import path from 'node:path';
import { checkFileSize } from './file-size.js';
import { checkImportCycles } from './import-cycles.js';
import { checkProjects } from './projects.js';

const root = path.resolve(import.meta.dirname, '../..');
const problems = [...checkFileSize(root), ...checkImportCycles(root), ...checkProjects(root)];
for (const problem of problems) console.error(problem);
console.log(
  problems.length === 0
    ? 'checks: file sizes, import cycles and projects are in order'
    : `checks: ${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
