import fs from 'node:fs';
import path from 'node:path';

/** One way into a package: what an import names. */
export interface Entry {
  /** `@starling/gguf`, `@starling/gguf/node`. */
  readonly name: string;
  /** Whether a page can have it: all but what is for Node, and libraries that are. */
  readonly isForPages: boolean;
  /** Packages of others that it may import, and whoever uses it installs. */
  readonly others: readonly string[];
}

/** Libraries that need Node whichever way they are entered. */
const NODE_ALONE: ReadonlySet<string> = new Set(['@starling/server', '@starling/testing']);

/** Entries for Node of libraries that pages can have. */
const NODE_SUBPATHS: ReadonlySet<string> = new Set(['./node', './tracing']);

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** The entries of an installed package that have types: modules to be imported. */
export function entriesOf(installed: string): Entry[] {
  const { name, exports, dependencies, peerDependencies } = JSON.parse(
    fs.readFileSync(path.join(installed, 'package.json'), 'utf8'),
  ) as Manifest;
  const others = Object.keys({ ...dependencies, ...peerDependencies }).filter(
    (other) => !other.startsWith('@starling/'),
  );
  return Object.entries(exports)
    .filter(([, target]) => typeof target !== 'string')
    .map(([subpath]) => ({
      name: path.posix.join(name, subpath),
      isForPages: !NODE_ALONE.has(name) && !NODE_SUBPATHS.has(subpath),
      others,
    }));
}
