import { StarlingError } from '@starling/core';
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { CacheFolder, isFile, type ModelFile, type StoredModel } from './cache-folder.node.js';
import { download, type DownloadOptions, type DownloadProgress } from './download.node.js';
import { defaultHome } from './home.node.js';
import { findHubFiles, hubHeaders, type HubOptions } from './hub.node.js';
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
  /** Whether what is not on this machine is downloaded. Default true. */
  readonly download?: boolean;
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
  readonly #cache: CacheFolder;

  constructor(options: ModelStoreOptions = {}) {
    this.#options = options;
    this.home = options.home ?? defaultHome();
    this.#cache = new CacheFolder(this.home);
  }

  /**
   * The file that a name stands for: a path, a name in the cache folder, a URL, or `hf:owner/repo[:quant]`. What is in the cache folder
   * is used without asking anybody; what is not there yet is downloaded.
   * @throws StarlingError file_not_found, not_found, forbidden, download_failed, checksum_mismatch, conflict, cancelled, invalid_argument
   */
  async resolve(name: string, options: ResolveOptions = {}): Promise<ModelFile> {
    const reference = parseReference(name);
    if (reference.kind === 'file' && (await isFile(reference.path))) return { path: path.resolve(reference.path) };
    const stored = await this.#fitting(name, options.sha256);
    if (stored) return this.#checked(stored, options);
    if (reference.kind === 'file') {
      const loose = await this.#cache.findLoose(name);
      if (loose) return loose;
      const why = await fs.stat(reference.path).then(
        () => 'that is not a file (a folder, a pipe or a device)',
        () => 'no such file',
      );
      throw new StarlingError(
        'file_not_found',
        `model ${JSON.stringify(name)}: ${why}, and the cache folder ${this.#cache.models} has none of this name`,
        { details: { name } },
      );
    }
    if (options.download === false)
      throw new StarlingError(
        'file_not_found',
        `model ${JSON.stringify(name)} is not on this machine, and nothing is downloaded`,
        { details: { name } },
      );
    const pulled = await this.pull(name, options);
    return pulled.fresh ? pulled : this.#checked(pulled, options);
  }

  /**
   * Brings a URL's or hub name's file into the cache folder; what is there already is not fetched again.
   * @throws as resolve
   */
  async pull(name: string, options: PullOptions = {}): Promise<PulledModel> {
    const reference = parseReference(name);
    if (reference.kind === 'file')
      throw new StarlingError(
        'invalid_argument',
        `model ${JSON.stringify(name)}: expected a URL or hf:OWNER/REPO[:QUANT] to pull`,
        { details: { name } },
      );
    const { hub } = this.#options;
    if (reference.kind === 'url') {
      return this.#fetch(urlPath(reference.url), reference.url, { sha256: options.sha256 }, options);
    }
    const { owner, repo, quant } = reference;
    const stored: PulledModel[] = [];
    const files = await findHubFiles(owner, repo, quant, hub, options.signal);
    for (const { name: file, url, size, sha256 } of files) {
      const wanted = {
        size,
        sha256: files.length === 1 ? (options.sha256 ?? sha256) : sha256,
        headers: hubHeaders(hub),
        trustEtag: true,
      };
      stored.push(await this.#fetch(path.posix.join(owner, repo, file), url, wanted, options));
    }
    return { ...stored[0], fresh: stored.every((part) => part.fresh) };
  }

  /** All complete files of the cache folder, by name. */
  list(): Promise<StoredModel[]> {
    return this.#cache.list();
  }

  /** A file of the cache folder by its name, its file name alone, or the URL or hub name that it came from. */
  find(name: string): Promise<StoredModel | undefined> {
    return this.#cache.find(name);
  }

  /**
   * Removes a file (of a split model: all its parts) from the cache folder, or what an unfinished download has left of it.
   * @returns what was removed; without a manifest if it was not complete
   * @throws StarlingError not_found; conflict while it is being downloaded
   */
  async remove(name: string): Promise<ModelFile & { readonly name: string }> {
    const model = await this.find(name);
    if (model) {
      await this.#cache.remove(model.name);
      return model;
    }
    const partial = await this.#cache.removePartial(name);
    if (partial === undefined) throw this.#notStored(name);
    return { name: partial, path: this.#cache.pathOf(partial) };
  }

  /**
   * Reads a file through and holds it against its checksum.
   * @throws StarlingError not_found, checksum_mismatch
   */
  async verify(name: string, options: PullOptions = {}): Promise<StoredModel> {
    const model = await this.find(name);
    if (!model) throw this.#notStored(name);
    return this.#checked(model, options);
  }

  #notStored(name: string): StarlingError {
    return new StarlingError(
      'not_found',
      `model ${JSON.stringify(name)}: the cache folder ${this.#cache.models} has none of this name`,
      { details: { name } },
    );
  }

  /** The stored file of a name, unless the caller knows that it must have another checksum. */
  async #fitting(name: string, sha256: string | undefined): Promise<StoredModel | undefined> {
    const stored = await this.find(name);
    return sha256 === undefined || stored?.manifest.sha256 === sha256.toLowerCase() ? stored : undefined;
  }

  async #fetch(
    name: string,
    url: string,
    wanted: Pick<DownloadOptions, 'sha256' | 'size' | 'headers' | 'trustEtag'>,
    options: PullOptions,
  ): Promise<PulledModel> {
    const fits = async (): Promise<StoredModel | undefined> => {
      const present = await this.#cache.get(name);
      return present && (wanted.sha256 === undefined || present.manifest.sha256 === wanted.sha256.toLowerCase())
        ? present
        : undefined;
    };
    const present = await fits();
    if (present) return { ...present, fresh: false };
    const { onProgress } = options;
    const result = await download(url, this.#cache.pathOf(name), {
      ...this.#options.download,
      ...wanted,
      signal: options.signal,
      // A file without a fitting manifest is the rest of something else.
      accept: async () => (await fits()) !== undefined,
      onProgress: onProgress && ((progress) => onProgress({ ...progress, file: name })),
      complete: ({ sha256, size }) =>
        this.#cache.vouch(name, { sha256, size, source: url, time: new Date().toISOString() }),
    });
    const stored = await this.#cache.get(name);
    if (!stored)
      throw new StarlingError(
        'download_failed',
        `${name}: another process removed the file (${result ? 'after' : 'while'} it was downloaded)`,
        { details: { name } },
      );
    return { ...stored, fresh: result !== undefined };
  }

  async #checked(model: StoredModel, { verify = true, onProgress, signal }: ResolveOptions): Promise<StoredModel> {
    if (!verify) return model;
    for (const part of partNames(model.name)) {
      const stored = await this.#cache.get(part);
      if (!stored)
        throw new StarlingError(
          'file_not_found',
          `${model.name}: part ${part} is missing or not complete; pull it again`,
          { details: { name: model.name, part } },
        );
      const { sha256, size } = stored.manifest;
      const received = await sha256File(stored.path, {
        signal,
        onProgress: (bytes) => onProgress?.({ phase: 'verify', bytes, totalBytes: size, file: stored.name }),
      });
      if (received !== sha256) {
        throw new StarlingError(
          'checksum_mismatch',
          `${stored.path}: expected SHA-256 ${sha256}, the file has ${received}; remove it and pull it again`,
          { details: { name: stored.name, expected: sha256, received } },
        );
      }
    }
    return model;
  }
}

/** Where a URL's file is kept: under its host and a digest of the whole URL, so that equal file names do not meet. */
function urlPath(url: string): string {
  const { hostname, pathname } = new URL(url);
  const base = decodeURIComponentSafely(path.posix.basename(pathname))
    .replace(/[^\w.-]/g, '_')
    .replace(/^\.+/, '');
  return path.posix.join(
    hostname.replace(/[^\w.-]/g, '_'),
    createHash('sha256').update(url).digest('hex').slice(0, 12),
    base || 'model.gguf',
  );
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
