import fs from 'node:fs';
import path from 'node:path';
import { StarlingError } from '@starling/core';
import { Application, LogLevel, type TypeDocOptions } from 'typedoc';
import type { PluginOptions } from 'typedoc-plugin-markdown';
import { referenceEntries, type ReferenceEntry } from './reference-entries.js';

/**
 * Writes the reference of all entries as one page each.
 * @throws StarlingError internal if TypeDoc has something to complain of
 */
export async function writeReference(root: string, into: string): Promise<void> {
  const entries = referenceEntries(root);
  const scratch = path.join(into, '.typedoc');
  const options: TypeDocOptions & Partial<PluginOptions> = {
    entryPoints: entries.map(({ source }) => path.join(root, source)),
    basePath: root,
    tsconfig: path.join(root, 'tsconfig.json'),
    plugin: ['typedoc-plugin-markdown'],
    // `npm run typecheck` does that.
    skipErrorChecking: true,
    disableSources: true,
    excludePrivate: true,
    excludeInternal: true,
    excludeExternals: true,
    readme: 'none',
    router: 'module',
    hidePageHeader: true,
    hideBreadcrumbs: true,
    githubPages: false,
    parametersFormat: 'table',
    propertyMembersFormat: 'table',
    interfacePropertiesFormat: 'table',
    classPropertiesFormat: 'table',
    typeDeclarationFormat: 'table',
    validation: { notExported: false, invalidLink: true },
    logLevel: LogLevel.Warn,
  };
  const app = await Application.bootstrapWithPlugins(options, []);
  const project = await app.convert();
  if (project === undefined)
    throw new StarlingError('internal', 'TypeDoc cannot read the libraries: see its messages above');
  app.validate(project);
  app.options.setValue('out', scratch);
  await app.generateOutputs(project);
  if (app.logger.hasErrors() || app.logger.hasWarnings())
    throw new StarlingError('internal', 'TypeDoc complains of docstrings: see its messages above');
  placePages(entries, scratch, into);
  fs.rmSync(scratch, { recursive: true });
}

/** Moves TypeDoc's pages, which are named after source files, to where the entries' names lead. */
function placePages(entries: readonly ReferenceEntry[], scratch: string, into: string): void {
  const pageOf = (entry: ReferenceEntry): string => `${entry.source.replace(/(\/index)?\.ts$/, '')}.md`;
  const routes = new Map(entries.map((entry) => [pageOf(entry), entry.route]));
  for (const entry of entries) {
    const file = pageOf(entry);
    const text = fs.readFileSync(path.join(scratch, file), 'utf8');
    const body = text
      .replace(/^# .+\n/, '')
      .replace(/\]\(((?:\.\.?\/|[\w-]+\/)*[\w.-]+\.md)(#[^)]*)?\)/g, (link, target: string, anchor = '') => {
        const route = routes.get(path.posix.join(path.posix.dirname(file), target));
        return route === undefined ? link : `](/${route}${anchor})`;
      });
    const page = path.join(into, `${entry.route}.md`);
    fs.mkdirSync(path.dirname(page), { recursive: true });
    fs.writeFileSync(
      page,
      `---\noutline: [2, 3]\n---\n\n# ${entry.name}\n\nWhat it is for, with examples: [the library's page](/libraries/${entry.library}).\n${body}`,
    );
  }
}
