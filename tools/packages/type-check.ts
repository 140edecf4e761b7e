import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { root } from '../run.mjs';

/** How a program's imports are found. */
export const RESOLUTIONS = {
  node16: { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 },
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
} as const;

/**
 * What the compiler says, as strictly as it can be, of programs in a folder and of our declarations that they come to.
 * @param sources texts by the names of their files
 */
export function typeErrors(
  folder: string,
  sources: Readonly<Record<string, string>>,
  resolution: keyof typeof RESOLUTIONS,
): string[] {
  const files = Object.entries(sources).map(([name, text]) => {
    const file = path.join(folder, `${resolution}-${name}`);
    fs.writeFileSync(file, text);
    return file;
  });
  const program = ts.createProgram(files, {
    ...RESOLUTIONS[resolution],
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts', 'lib.dom.asynciterable.d.ts'],
    strict: true,
    noUnusedLocals: false,
    verbatimModuleSyntax: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
    typeRoots: [path.join(root, 'node_modules/@types')],
  });
  // Declarations of other packages are those packages' affair.
  const isOurs = (file: string | undefined): boolean =>
    file === undefined || files.includes(path.resolve(file)) || file.includes('/@starling/');
  return ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => isOurs(file?.fileName))
    .map(
      ({ file, start, messageText }) =>
        `${file ? `${path.relative(folder, file.fileName)}:${file.getLineAndCharacterOfPosition(start ?? 0).line + 1}: ` : ''}${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
}
