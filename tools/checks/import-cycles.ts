import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { sourceFiles } from './source-files.js';

/** The files of this tree that a file imports, type imports included: relative paths and workspace libraries. */
function importsOf(root: string, file: string, files: ReadonlySet<string>): string[] {
  const { importedFiles } = ts.preProcessFile(fs.readFileSync(path.join(root, file), 'utf8'), true, true);
  return importedFiles.flatMap(({ fileName }) => {
    const [, library, subpath] = /^@starling\/([\w-]+)(?:\/([\w-]+))?$/.exec(fileName) ?? [];
    if (library === undefined && !fileName.startsWith('.')) return [];
    const folder = `libs/${library}/src`;
    // A library's entries: what all platforms get, what Node gets, and those that have a folder.
    const targets =
      library === undefined
        ? [path.posix.join(path.posix.dirname(file), fileName).replace(/\.js$/, '.ts')]
        : subpath === undefined
          ? [`${folder}/index.ts`, `${folder}/main.node.ts`]
          : [`${folder}/index.${subpath}.ts`, `${folder}/${subpath}/index.ts`];
    return targets.filter((target) => files.has(target));
  });
}

/** Every import cycle (strongly connected group of files; Tarjan 1972), one message each. */
export function checkImportCycles(root: string): string[] {
  const files = new Set(sourceFiles(root).filter((file) => file.endsWith('.ts')));
  const imports = new Map([...files].map((file) => [file, importsOf(root, file, files)]));
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const problems: string[] = [];

  const visit = (file: string): void => {
    order.set(file, order.size);
    low.set(file, order.get(file)!);
    stack.push(file);
    for (const next of imports.get(file)!) {
      if (!order.has(next)) {
        visit(next);
        low.set(file, Math.min(low.get(file)!, low.get(next)!));
      } else if (stack.includes(next)) {
        low.set(file, Math.min(low.get(file)!, order.get(next)!));
      }
    }
    if (low.get(file) !== order.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1 || imports.get(file)!.includes(file))
      problems.push(`import cycle: ${group.join(' -> ')} -> ${group[0]}`);
  };
  for (const file of files) if (!order.has(file)) visit(file);
  return problems;
}
