import fs from 'node:fs';
import path from 'node:path';

/** A page that is made from a document of the repository. */
export interface SitePage {
  /** The document, relative to the repository. */
  readonly source: string;
  /** Where it stands on the site: no slash before it, no ending. */
  readonly route: string;
  /** Its first heading. */
  readonly title: string;
  readonly section: Section;
}

export type Section = 'use' | 'operate' | 'work' | 'libraries';

/** Guides in the order in which they are read; documents that are not named here stand behind those of their section. */
const GUIDES: Readonly<Record<Exclude<Section, 'libraries'>, readonly string[]>> = {
  use: [
    'docs/getting-started.md',
    'docs/migration.md',
    'docs/llama-server.md',
    'docs/api.md',
    'docs/responses.md',
    'docs/architectures.md',
    'docs/performance.md',
  ],
  operate: [
    'docs/deployment.md',
    'docs/configuration.md',
    'docs/metrics.md',
    'docs/reliability.md',
    'docs/security.md',
    'docs/troubleshooting.md',
  ],
  work: ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/adding-an-architecture.md', 'docs/tasks.md', 'CHANGELOG.md'],
};

/** All pages of documents: guides, and a page for each library and for the server as one. */
export function sitePages(root: string): SitePage[] {
  const named = Object.entries(GUIDES).flatMap(([section, sources]) =>
    sources.map((source) => ({ source, section: section as Section })),
  );
  const others = fs
    .readdirSync(path.join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({ source: `docs/${name}`, section: 'use' as Section }))
    .filter(({ source }) => !named.some((one) => one.source === source));
  const guides = [...named, ...others].map(({ source, section }) => ({
    source,
    section,
    route: `guide/${path.basename(source, '.md').toLowerCase()}`,
  }));
  const libraries = libraryNames(root).map((name) => ({
    source: `${folderOf(name)}/README.md`,
    section: 'libraries' as Section,
    route: `libraries/${name}`,
  }));
  return [...guides, ...libraries].map((page) => ({ ...page, title: titleOf(root, page.source) }));
}

/** Names of the libraries, `server` among them: it is one for whoever mounts it. */
export function libraryNames(root: string): string[] {
  return [
    ...fs
      .readdirSync(path.join(root, 'libs'))
      .filter((name) => fs.existsSync(path.join(root, 'libs', name, 'README.md'))),
    'server',
  ].sort();
}

/** The folder of a library, relative to the repository. */
export const folderOf = (library: string): string => (library === 'server' ? 'apps/server' : `libs/${library}`);

function titleOf(root: string, source: string): string {
  return /^# (.+)$/m.exec(fs.readFileSync(path.join(root, source), 'utf8'))?.[1] ?? path.basename(source, '.md');
}
