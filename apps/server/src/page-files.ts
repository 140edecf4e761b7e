import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { PageFile } from './parts.js';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The files of the built chat page, by the path they are served at: `index.html` at `/`, the others under `/web/`. */
export function readPageFiles(folder: string): ReadonlyMap<string, PageFile> {
  if (!fs.existsSync(folder)) return new Map();
  const files = fs.readdirSync(folder).flatMap((name): [string, PageFile][] => {
    const contentType = CONTENT_TYPES[path.extname(name)];
    if (contentType === undefined) return [];
    const bytes = new Uint8Array(fs.readFileSync(path.join(folder, name)));
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 16)}"`;
    return [[name === 'index.html' ? '/' : `/web/${name}`, { contentType, bytes, etag }]];
  });
  return new Map(files);
}
