import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of this file: `dist` in a build, `src` in the sources. */
const here = path.dirname(fileURLToPath(import.meta.url));

/** The folder of the chat page's files. */
export const pageFolder: string = path.join(here, 'web');

/** Where the built site of the documents may be: beside a build, or where `npm run site` leaves it in the repository. */
export const siteFolders: readonly string[] = [path.join(here, 'site'), path.join(here, '../../../site/dist')];

/** The model that is served when none is named. */
export function demoModelFile(): string {
  const beside = path.join(here, 'models', 'starling-demo-q8_0.gguf');
  return fs.existsSync(beside) ? beside : path.join(here, '..', 'models', 'starling-demo-q8_0.gguf');
}
