import { StarlingError } from '@starling/core';
import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { download, type DownloadOptions, type DownloadProgress } from './download.node.js';
import { defaultHome } from './home.node.js';
import { findHubFiles, hubHeaders, type HubOptions } from './hub.node.js';
import { parseManifest, type FileManifest } from './manifest.js';
import { parseReference, partNames } from './reference.js';
import { sha256File } from './sha256.node.js';

export interface ModelStoreOptions {
  /** The folder of downloads. Default: defaultHome(). */
  readonly home?: string;
  readonly hub?: HubOptions;
  readonly download?: Pick<DownloadOptions, 'parallel' | 'chunkBytes' | 'retries' | 'retryDelayMs' | 'stallMs'>;
}

export interface PullOptions {
  readonly onProgress?: (progress: DownloadProgress & { readonly file: string }) => void;
  readonly signal?: AbortSignal;
  /** The SHA-256 that a URL's file must have, in hex. */
  readonly sha256?: string;
}

export interface ResolveOptions extends PullOptions {
  /** Whether a file of the cache folder is read through and held against its checksum. Default true. */
  readonly verify?: boolean;
}

/** A model file on disk. */
export interface ModelFile {
  /** Of a split model: its first part. */
  readonly path: string;
  /** Known for files of the cache folder. */
  readonly manifest?: FileManifest;
}

/** A file of the cache folder. */
export interface StoredModel extends ModelFile {
  /** Its path below the folder of models: what `rm` and `verify` take. */
  readonly name: string;
  readonly manifest: FileManifest;
}

/** What pull gives. */
export interface PulledModel extends StoredModel {
  /** Whether it was downloaded (and so verified) just now. */
  readonly fresh: boolean;
}

/**
 * The model files of a machine: what lies on disk is used where it lies; what comes from elsewhere is kept in the cache
 * folder, each file with a manifest beside it (`NAME.manifest.json`) that is written once the file is complete.
 */
export class ModelStore {
  readonly home: string;
  readonly #options: ModelStoreOptions;

  constructor(options: ModelStoreOptions = {}) {
    this.#options = options;
    this.home = options.home ?? defaultHome();
  }

  get #models(): string {
    return path.join(this.home, 'models');
  }

  /**
   * The file that a name stands for: a path, a name in the cache folder, a URL, or `hf:owner/repo[:quant]`. What is not there
   * yet is downloaded.
   * @throws StarlingError file_not_found, not_found, forbidden, download_failed, checksum_mismatch, cancelled, invalid_argument
   */
  async resolve(name: string, options: ResolveOptions = {}): Promise<ModelFile> {
    const reference = parseReference(name);
    if (reference.kind !== 'file') {
      const pulled = await this.pull(name, options);
      return pulled.fresh ? pulled : this.#checked(pulled, options);
    }
    if (await isFile(reference.path)) return { path: path.resolve(reference.path) };
    const stored = await this.find(name);
    if (stored) return this.#checked(stored, options);
    throw new StarlingError('file_not_found', `model ${JSON.stringify(name)}: no such file, and the cache folder ${this.#models} has none of this name`, { details: { name } });
  }

  /**
   * Brings a URL's or hub name's file into the cache folder; what is there already is not fetched again.
   * @throws as resolve
   */
  async pull(name: string, options: PullOptions = {}): Promise<PulledModel> {
    const reference = parseReference(name);
    if (reference.kind === 'file') throw new StarlingError('invalid_argument', `model ${JSON.stringify(name)}: expected a URL or hf:OWNER/REPO[:QUANT] to pull`, { details: { name } });
    const { hub } = this.#options;
    if (reference.kind === 'url') {
      return this.#fetch(urlPath(reference.url), reference.url, {}, { sha256: options.sha256 }, options);
    }
    const { owner, repo, quant } = reference;
    const stored: PulledModel[] = [];
    for (const file of await findHubFiles(owner, repo, quant, hub, options.signal)) {
      stored.push(await this.#fetch(path.posix.join(owner, repo, file.name), file.url, hubHeaders(hub), file, options));
    }
    return { ...stored[0], fresh: stored.every((part) => part.fresh) };
  }

  /** All complete files of the cache folder, by name. */
  async list(): Promise<StoredModel[]> {
    const entries: Dirent[] = await fs.readdir(this.#models, { recursive: true, withFileTypes: true }).catch(() => []);
    const stored: StoredModel[] = [];
    for (const entry of entries) {
      if (!entry.isFile() || !entry.name.endsWith(MANIFEST_SUFFIX)) continue;
      const manifestPath = path.join(entry.parentPath ?? entry.path, entry.name);
      const model = await this.#stored(path.relative(this.#models, manifestPath).slice(0, -MANIFEST_SUFFIX.length).split(path.sep).join('/'));
      if (model) stored.push(model);
    }
    return stored.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** A file of the cache folder by its name, its file name alone, or the URL that it came from. */
  async find(name: string): Promise<StoredModel | undefined> {
    const stored = await this.list();
    return stored.find((model) => model.name === name || model.manifest.source === name) ?? stored.find((model) => path.posix.basename(model.name) === name);
  }

  /**
   * Removes a file (of a split model: all its parts) from the cache folder.
   * @throws StarlingError not_found
   */
  async remove(name: string): Promise<StoredModel> {
    const model = await this.#need(name);
    for (const part of partNames(path.basename(model.path))) {
      const file = path.join(path.dirname(model.path), part);
      // The manifest goes first: a file without one does not count as complete.
      await fs.rm(file + MANIFEST_SUFFIX, { force: true });
      await fs.rm(file, { force: true });
    }
    await removeEmptyFolders(path.dirname(model.path), this.#models);
    return model;
  }

  /**
   * Reads a file through and holds it against its checksum.
   * @throws StarlingError not_found, checksum_mismatch
   */
  async verify(name: string, options: PullOptions = {}): Promise<StoredModel> {
    return this.#checked(await this.#need(name), options);
  }

  async #need(name: string): Promise<StoredModel> {
    const model = await this.find(name);
    if (!model) throw new StarlingError('not_found', `model ${JSON.stringify(name)}: the cache folder ${this.#models} has none of this name`, { details: { name } });
    return model;
  }

  async #stored(name: string): Promise<StoredModel | undefined> {
    const file = path.join(this.#models, ...name.split('/'));
    const manifest = parseManifest(await fs.readFile(file + MANIFEST_SUFFIX, 'utf8').catch(() => ''));
    const size = await fs.stat(file).then((info) => info.size, () => undefined);
    return manifest && size === manifest.size ? { name, path: file, manifest } : undefined;
  }

  async #fetch(name: string, url: string, headers: Record<string, string>, wanted: { sha256?: string; size?: number }, options: PullOptions): Promise<PulledModel> {
    const fits = async (): Promise<StoredModel | undefined> => {
      const present = await this.#stored(name);
      return present && (wanted.sha256 === undefined || present.manifest.sha256 === wanted.sha256.toLowerCase()) ? present : undefined;
    };
    const present = await fits();
    if (present) return { ...present, fresh: false };
    const file = path.join(this.#models, ...name.split('/'));
    const result = await download(url, file, {
      ...this.#options.download,
      ...wanted,
      headers,
      signal: options.signal,
      // A file without a fitting manifest is the rest of something else.
      accept: async () => (await fits()) !== undefined,
      onProgress: options.onProgress && ((progress) => options.onProgress!({ ...progress, file: name })),
      complete: async ({ sha256, size }) => {
        const manifest: FileManifest = { sha256, size, source: url, time: new Date().toISOString() };
        await fs.writeFile(file + MANIFEST_SUFFIX, `${JSON.stringify(manifest, null, 2)}\n`);
      },
    });
    const stored = await this.#stored(name);
    if (!stored) throw new StarlingError('download_failed', `${url}: another process removed the file (${result ? 'after' : 'while'} it was downloaded)`, { details: { url } });
    return { ...stored, fresh: result !== undefined };
  }

  async #checked(model: StoredModel, { verify = true, onProgress, signal }: ResolveOptions): Promise<StoredModel> {
    if (!verify) return model;
    for (const part of partNames(path.basename(model.path))) {
      const stored = await this.#stored(path.posix.join(path.posix.dirname(model.name), part));
      if (!stored) throw new StarlingError('file_not_found', `${model.name}: part ${part} is missing or not complete; pull it again`, { details: { name: model.name, part } });
      const { sha256, size } = stored.manifest;
      const received = await sha256File(stored.path, { signal, onProgress: (bytes) => onProgress?.({ phase: 'verify', bytes, totalBytes: size, file: stored.name }) });
      if (received !== sha256) {
        throw new StarlingError('checksum_mismatch', `${stored.path}: expected SHA-256 ${sha256}, the file has ${received}; remove it and pull it again`, { details: { name: stored.name, expected: sha256, received } });
      }
    }
    return model;
  }
}

const MANIFEST_SUFFIX = '.manifest.json';

/** Where a URL's file is kept: under its host and a digest of the whole URL, so that equal file names do not meet. */
function urlPath(url: string): string {
  const { hostname, pathname } = new URL(url);
  const base = decodeURIComponentSafely(path.posix.basename(pathname)).replace(/[^\w.-]/g, '_').replace(/^\.+/, '');
  return path.posix.join(hostname.replace(/[^\w.-]/g, '_'), createHash('sha256').update(url).digest('hex').slice(0, 12), base || 'model.gguf');
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function isFile(file: string): Promise<boolean> {
  return fs.stat(file).then(
    (info) => info.isFile(),
    () => false,
  );
}

async function removeEmptyFolders(folder: string, root: string): Promise<void> {
  for (let current = folder; current.startsWith(root + path.sep); current = path.dirname(current)) {
    if (!(await fs.rmdir(current).then(() => true, () => false))) return;
  }
}
