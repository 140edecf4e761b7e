import { StarlingError } from '@starling/core';
import type { Dirent } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { isLocked } from './file-lock.node.js';
import { parseManifest, type FileManifest } from './manifest.js';
import { chooseHubFile, parseReference, partNames } from './reference.js';

/** A model file on disk. */
export interface ModelFile {
  /** Of a split model: its first part. */
  readonly path: string;
  /** Known for files that were downloaded. */
  readonly manifest?: FileManifest;
}

/** A file of the cache folder. */
export interface StoredModel extends ModelFile {
  /** Its path below the folder of models: what `rm` and `verify` take. */
  readonly name: string;
  readonly manifest: FileManifest;
}

const MANIFEST_SUFFIX = '.manifest.json';
/** What an unfinished download leaves: its bytes and its journal. */
const PARTIAL_SUFFIXES = ['.part', '.part.json', '.part.json.tmp'];

/**
 * The files of a cache folder, below `models/`.
 *
 * Invariant: a file counts as complete only with a manifest beside it (`NAME.manifest.json`) that tells its size.
 */
export class CacheFolder {
  readonly models: string;

  constructor(readonly home: string) {
    this.models = path.join(home, 'models');
  }

  /** Where the file of this name lies. */
  pathOf(name: string): string {
    return path.join(this.models, ...name.split('/'));
  }

  /** The complete file of this name; undefined if there is none. */
  async get(name: string): Promise<StoredModel | undefined> {
    const file = this.pathOf(name);
    const manifest = parseManifest(await fs.readFile(file + MANIFEST_SUFFIX, 'utf8').catch(() => ''));
    const size = await fs.stat(file).then(
      (info) => info.size,
      () => undefined,
    );
    return manifest && size === manifest.size ? { name, path: file, manifest } : undefined;
  }

  /** All complete files, by name. */
  async list(): Promise<StoredModel[]> {
    const stored: StoredModel[] = [];
    for (const name of await this.#names(MANIFEST_SUFFIX)) {
      const model = await this.get(name);
      if (model) stored.push(model);
    }
    return stored.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * A file by its name, its file name alone, the URL that it came from, or the hub name that stands for it among the files that are
   * here; of a split model, if all its parts are.
   */
  async find(name: string): Promise<StoredModel | undefined> {
    const stored = await this.list();
    const hub = hubFolder(name);
    if (hub !== undefined) {
      const names = stored.map((model) => model.name).filter((candidate) => candidate.startsWith(hub.folder));
      const whole = names.filter((candidate) => partNames(candidate).every((part) => names.includes(part)));
      const chosen = chooseHubFile(whole, hub.quant);
      return stored.find((model) => model.name === chosen);
    }
    return (
      stored.find((model) => model.name === name || model.manifest.source === name) ??
      stored.find((model) => path.posix.basename(model.name) === name)
    );
  }

  /** A file that was put into the folder by hand, under its name with or without `.gguf`; it has no manifest. */
  async findLoose(name: string): Promise<ModelFile | undefined> {
    if (name !== path.basename(name)) return undefined;
    for (const folder of [this.home, this.models]) {
      for (const file of [path.join(folder, name), path.join(folder, `${name}.gguf`)])
        if (await isFile(file)) return { path: file };
    }
    return undefined;
  }

  /** Writes the manifest that makes a file complete. */
  async vouch(name: string, manifest: FileManifest): Promise<void> {
    await fs.writeFile(this.pathOf(name) + MANIFEST_SUFFIX, `${JSON.stringify(manifest, null, 2)}\n`);
  }

  /** Removes a file, of a split model all its parts. */
  async remove(name: string): Promise<void> {
    for (const part of partNames(name)) {
      const file = this.pathOf(part);
      // The manifest goes first: a file without one does not count as complete.
      for (const suffix of [MANIFEST_SUFFIX, '', ...PARTIAL_SUFFIXES]) await fs.rm(file + suffix, { force: true });
    }
    await this.#removeEmptyFolders(path.dirname(this.pathOf(name)));
  }

  /**
   * Removes what unfinished downloads have left of a file.
   * @returns its name, or undefined if there was nothing
   * @throws StarlingError conflict while it is being downloaded
   */
  async removePartial(name: string): Promise<string | undefined> {
    const partial = await this.#names('.part');
    const hub = hubFolder(name);
    const found =
      hub === undefined
        ? (partial.find((candidate) => candidate === name) ??
          partial.find((candidate) => path.posix.basename(candidate) === name))
        : chooseHubFile(
            partial.filter((candidate) => candidate.startsWith(hub.folder)),
            hub.quant,
          );
    if (found === undefined) return undefined;
    for (const part of partNames(found)) {
      if (await isLocked(`${this.pathOf(part)}.lock`))
        throw new StarlingError('conflict', `model ${JSON.stringify(name)} is being downloaded: end that first`, {
          details: { name: found },
        });
    }
    await this.remove(found);
    return found;
  }

  /** Names of files that have a file with this suffix beside them. */
  async #names(suffix: string): Promise<string[]> {
    const entries: Dirent[] = await fs.readdir(this.models, { recursive: true, withFileTypes: true }).catch(() => []);
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
      .map((entry) =>
        path
          .relative(this.models, path.join(entry.parentPath ?? entry.path, entry.name))
          .slice(0, -suffix.length)
          .split(path.sep)
          .join('/'),
      );
  }

  async #removeEmptyFolders(folder: string): Promise<void> {
    for (let current = folder; current.startsWith(this.models + path.sep); current = path.dirname(current)) {
      if (
        !(await fs.rmdir(current).then(
          () => true,
          () => false,
        ))
      )
        return;
    }
  }
}

/** Whether there is a file at a path. */
export async function isFile(file: string): Promise<boolean> {
  return fs.stat(file).then(
    (info) => info.isFile(),
    () => false,
  );
}

/** Where the files of a hub name lie; undefined for any other name. */
function hubFolder(name: string): { readonly folder: string; readonly quant?: string } | undefined {
  const reference = parseReference(name);
  return reference.kind === 'hub'
    ? { folder: `${reference.owner}/${reference.repo}/`, quant: reference.quant }
    : undefined;
}
