import fs from 'node:fs';
import path from 'node:path';

/** What holds no source of ours, by name anywhere, or by its path. */
const skippedNames = new Set(['node_modules', 'dist', 'build', 'coverage', '.temp']);
const skippedPaths = new Set(['tools/checks/fixtures', 'tools/demo-model', 'apps/server/models']);

/** Every TypeScript and JavaScript source file under the given folders of `root`, as sorted paths relative to it. */
export function sourceFiles(root: string, folders: readonly string[] = ['apps', 'libs', 'site', 'tools']): string[] {
  const found: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const file = path.posix.join(folder, entry.name);
      if (entry.isDirectory() && !skippedNames.has(entry.name) && !skippedPaths.has(file)) visit(file);
      else if (entry.isFile() && /\.(ts|mts|mjs|js)$/.test(entry.name) && !entry.name.endsWith('.d.ts'))
        found.push(file);
    }
  };
  for (const folder of folders) if (fs.existsSync(path.join(root, folder))) visit(folder);
  return found.sort();
}
