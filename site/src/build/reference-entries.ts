import fs from 'node:fs';
import path from 'node:path';
import { libraryNames } from './site-pages.js';

/** What an entry leads to, by condition. */
type Target = string | { readonly [condition: string]: Target };

interface Manifest {
  readonly exports?: Readonly<Record<string, Target>>;
}

/** One entry of a library, as its users import it. */
export interface ReferenceEntry {
  /** For example `@starling/gguf/node`. */
  readonly name: string;
  readonly library: string;
  /** Source file, relative to the repository. */
  readonly source: string;
  /** Where its page stands on the site. */
  readonly route: string;
}

/** The entries of all libraries that have sources of their own; the server's is told in its README. */
export function referenceEntries(root: string): ReferenceEntry[] {
  return libraryNames(root)
    .filter((library) => library !== 'server')
    .flatMap((library) => {
      const { exports = {} } = JSON.parse(
        fs.readFileSync(path.join(root, 'libs', library, 'package.json'), 'utf8'),
      ) as Manifest;
      const sources = new Map<string, string>();
      for (const [subpath, target] of Object.entries(exports)) {
        const sourceOrMore = typeof target === 'string' ? undefined : target['@starling/source'];
        // Where a platform has a source of its own, its names are those that `types` tells of.
        const source = typeof sourceOrMore === 'object' ? sourceOrMore.types : sourceOrMore;
        if (typeof source === 'string' && ![...sources.values()].includes(source))
          sources.set(subpath.slice(2), source);
      }
      return [...sources].map(([subpath, source]) => ({
        name: ['@starling', library, subpath].filter(Boolean).join('/'),
        library,
        source: path.posix.join('libs', library, source),
        route: `reference/${[library, ...subpath.split('/')].filter(Boolean).join('-')}`,
      }));
    });
}
