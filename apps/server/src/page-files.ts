import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { PageFile } from './parts.js';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.gguf': 'application/octet-stream',
};

/** Where the engine for pages is, among the files of the built chat page. */
export const ENGINE_PATH = '/web/starling-web.js';

/**
 * The files of the built chat page, by the path they are served at: `index.html` at `/`, the others under `/web/`.
 * @param options.hasEngine whether the engine is one of them
 */
export function readPageFiles(
  folder: string,
  { hasEngine }: { readonly hasEngine: boolean },
): ReadonlyMap<string, PageFile> {
  if (!fs.existsSync(folder)) return new Map();
  const files = fs.readdirSync(folder).flatMap((name): [string, PageFile][] => {
    const contentType = CONTENT_TYPES[path.extname(name)];
    if (contentType === undefined || (`/web/${name}` === ENGINE_PATH && !hasEngine)) return [];
    return [
      [
        name === 'index.html' ? '/' : `/web/${name}`,
        pageFile(contentType, new Uint8Array(fs.readFileSync(path.join(folder, name)))),
      ],
    ];
  });
  return new Map(files);
}

/** Where the site of the documents is served: it is built for this path. */
export const SITE_PATH = '/docs/site/';

/**
 * The files of the first folder that holds the site of the documents (`npm run site`), by the path they are served at. They are some megabytes: each is read
 * when it is asked for.
 */
export function siteFiles(folders: readonly string[]): ReadonlyMap<string, () => Promise<PageFile>> {
  const folder = folders.find(isSite);
  if (folder === undefined) return new Map();
  const files = fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .flatMap((name): [string, () => Promise<PageFile>][] => {
      const contentType = CONTENT_TYPES[path.extname(name)];
      if (contentType === undefined) return [];
      const read = async (): Promise<PageFile> =>
        pageFile(contentType, new Uint8Array(await fs.promises.readFile(path.join(folder, name))));
      return [[`${SITE_PATH}${name.split(path.sep).join('/')}`.replace(/\/index\.html$/, '/'), read]];
    });
  return new Map(files);
}

/** Whether a folder holds our site, built for where it is served: what else is called like it is nobody's to read. */
function isSite(folder: string): boolean {
  try {
    return (
      (JSON.parse(fs.readFileSync(path.join(folder, 'starling-site.json'), 'utf8')) as { readonly base?: unknown })
        .base === SITE_PATH
    );
  } catch {
    return false;
  }
}

/** A file with the tag by which browsers know that they have it. */
export function pageFile(contentType: string, bytes: Uint8Array<ArrayBuffer>): PageFile {
  return { contentType, bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 16)}"` };
}
