import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of this file: `dist` in a build, `src` in the sources. */
const here = path.dirname(fileURLToPath(import.meta.url));

/** The folder of the chat page's files. */
export const pageFolder = path.join(here, 'web');

/** The model that is served when none is named. */
export function demoModelFile(): string {
  const beside = path.join(here, 'models', 'starling-demo-q8_0.gguf');
  return fs.existsSync(beside) ? beside : path.join(here, '..', 'models', 'starling-demo-q8_0.gguf');
}
