import fs from 'node:fs';
import path from 'node:path';

const skippedFolders = new Set(['node_modules', 'dist', 'build', 'coverage', 'fixtures', 'demo-model', 'models']);

/** Every TypeScript and JavaScript source file under the given folders of `root`, as sorted paths relative to it. */
export function sourceFiles(root: string, folders: readonly string[] = ['apps', 'libs', 'tools']): string[] {
  const found: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const file = path.posix.join(folder, entry.name);
      if (entry.isDirectory() && !skippedFolders.has(entry.name)) visit(file);
      else if (entry.isFile() && /\.(ts|mts|mjs|js)$/.test(entry.name) && !entry.name.endsWith('.d.ts')) found.push(file);
    }
  };
  for (const folder of folders) if (fs.existsSync(path.join(root, folder))) visit(folder);
  return found.sort();
}
