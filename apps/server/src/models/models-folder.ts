import type { Dirent } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { modelName } from './model-name.js';

/** A model file of a folder, and what it is called. */
export interface FolderModel {
  readonly name: string;
  readonly path: string;
}

/**
 * The models of a folder: its GGUF files, and those of the folders in it. A folder with one model gives it its name. Of a split model the first part
 * counts; files for pictures and sound (`mmproj`) are none.
 * @throws what the system says of a folder that cannot be read
 */
export async function modelsIn(folder: string): Promise<FolderModel[]> {
  const entries = await fs.readdir(folder, { withFileTypes: true });
  const here = (await filesOf(folder, entries)).map((file): FolderModel => ({ name: modelName(file), path: file }));
  const below = await Promise.all(
    entries.map(async (entry): Promise<FolderModel[]> => {
      const inner = path.join(folder, entry.name);
      if (entry.name.startsWith('.') || !(await isKind(entry, inner, 'directory'))) return [];
      // A folder that may not be read is not there for us.
      const files = await filesOf(inner, await fs.readdir(inner, { withFileTypes: true }).catch(() => []));
      return files.map((file) => ({ name: files.length === 1 ? modelName(entry.name) : modelName(file), path: file }));
    }),
  );
  return [...here, ...below.flat()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function filesOf(folder: string, entries: readonly Dirent[]): Promise<string[]> {
  const files = await Promise.all(
    entries.map(async (entry) => {
      const file = path.join(folder, entry.name);
      const part = /-(\d{5})-of-\d{5}\.gguf$/i.exec(entry.name)?.[1] ?? '00001';
      return /^(?!mmproj|\.).*\.gguf$/i.test(entry.name) && part === '00001' && (await isKind(entry, file, 'file'))
        ? [file]
        : [];
    }),
  );
  return files.flat();
}

/** Links count as what they lead to. */
async function isKind(entry: Dirent, file: string, kind: 'file' | 'directory'): Promise<boolean> {
  const stat = entry.isSymbolicLink() ? await fs.stat(file).catch(() => undefined) : entry;
  return kind === 'file' ? stat?.isFile() === true : stat?.isDirectory() === true;
}
