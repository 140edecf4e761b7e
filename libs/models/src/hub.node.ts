import { StarlingError, bodyPieces, isStarlingError, messageOf } from '@starling/core';
import { chooseHubFile, partNames } from './reference.js';
import { request } from './remote-file.js';

export interface HubOptions {
  /** Where the hub answers. Default: STARLING_HUB, else HF_ENDPOINT, else the public hub. */
  readonly baseUrl?: string;
  /** For private repositories. Default: HF_TOKEN. */
  readonly token?: string;
}

/** A file of a hub repository. */
export interface HubFile {
  readonly name: string;
  readonly url: string;
  readonly size?: number;
  /** Hex. */
  readonly sha256?: string;
}

const PUBLIC_HUB = 'https://huggingface.co';
const LIST_TIMEOUT_MS = 30_000;
/** A listing of more bytes is not one of a model's repository. */
const MAX_LIST_BYTES = 16 << 20;

function hubBaseUrl({ baseUrl }: HubOptions = {}): string {
  return (baseUrl ?? process.env.STARLING_HUB ?? process.env.HF_ENDPOINT ?? PUBLIC_HUB).replace(/\/+$/, '');
}

export function hubHeaders({ token = process.env.HF_TOKEN }: HubOptions = {}): Record<string, string> {
  return token ? { authorization: `Bearer ${token}` } : {};
}

/**
 * The files that make up a model of a repository: one, or all parts of a split one.
 * @throws StarlingError not_found if the repository or a fitting file does not exist; forbidden; download_failed
 */
export async function findHubFiles(
  owner: string,
  repo: string,
  quant: string | undefined,
  options: HubOptions = {},
  signal?: AbortSignal,
): Promise<HubFile[]> {
  const base = hubBaseUrl(options);
  const entries = await listRepository(
    `${base}/api/models/${owner}/${repo}`,
    `hf:${owner}/${repo}`,
    hubHeaders(options),
    signal,
  );
  const chosen = chooseHubFile([...entries.keys()], quant);
  if (chosen === undefined) {
    const models = [...entries.keys()].filter((name) => /\.gguf$/i.test(name));
    throw new StarlingError(
      'not_found',
      `hf:${owner}/${repo}: no GGUF file${quant === undefined ? '' : ` of quantization ${quant}`}; it has ${models.length > 0 ? models.slice(0, 12).join(', ') : 'none'}`,
      {
        details: { owner, repo, quant, files: models },
      },
    );
  }
  return partNames(chosen).map((name) => {
    const entry = entries.get(name);
    if (!entry)
      throw new StarlingError('not_found', `hf:${owner}/${repo}: part ${name} of a split model is missing`, {
        details: { owner, repo, name },
      });
    return {
      name,
      url: `${base}/${owner}/${repo}/resolve/main/${name.split('/').map(encodeURIComponent).join('/')}`,
      ...entry,
    };
  });
}

type Facts = Pick<HubFile, 'size' | 'sha256'>;

/** The files of a repository, from its tree; from its description where a hub has no tree to show. */
async function listRepository(
  api: string,
  label: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Map<string, Facts>> {
  const tree = await getJson(`${api}/tree/main?recursive=true`, label, headers, signal);
  const listed = Array.isArray(tree)
    ? tree
    : field(await getJson(`${api}?blobs=true`, label, headers, signal), 'siblings');
  if (!Array.isArray(listed))
    throw new StarlingError('not_found', `${label}: the hub has no such repository`, { details: { url: api } });
  const files = new Map<string, Facts>();
  for (const entry of listed as unknown[]) {
    const name = field(entry, 'path') ?? field(entry, 'rfilename');
    if (typeof name !== 'string' || !isPlainPath(name)) continue;
    const lfs = field(entry, 'lfs');
    const size = field(lfs, 'size') ?? field(entry, 'size');
    const sha256 = field(lfs, 'oid') ?? field(lfs, 'sha256');
    files.set(name, {
      ...(typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? { size } : {}),
      ...(typeof sha256 === 'string' && /^[0-9a-f]{64}$/i.test(sha256) ? { sha256: sha256.toLowerCase() } : {}),
    });
  }
  return files;
}

/** The JSON at an address; undefined if there is nothing. */
async function getJson(
  url: string,
  label: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<unknown> {
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  signal?.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(abort, LIST_TIMEOUT_MS);
  try {
    const response = await request(url, { headers, signal: stop.signal }, LIST_TIMEOUT_MS);
    if (response.status === 404) return undefined;
    if (response.status === 401 || response.status === 403)
      throw new StarlingError('forbidden', `${label}: the hub refuses access; HF_TOKEN may be needed`, {
        details: { url },
      });
    if (!response.ok)
      throw new StarlingError('download_failed', `${label}: the hub answered ${response.status}`, { details: { url } });
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of bodyPieces(response, stop.signal)) {
      bytes += piece.length;
      if (bytes > MAX_LIST_BYTES)
        throw new StarlingError('download_failed', `${label}: the listing is longer than ${MAX_LIST_BYTES} bytes`, {
          details: { url },
        });
      pieces.push(piece);
    }
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch (cause) {
    if (signal?.aborted)
      throw new StarlingError('cancelled', `${label}: looking for its files was cancelled`, { cause });
    if (isStarlingError(cause)) throw cause;
    throw new StarlingError('download_failed', `${label}: the listing is no JSON: ${messageOf(cause)}`, {
      details: { url },
      cause,
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    stop.abort();
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

/** A path that stays below the folder that it is put in, on every platform. */
function isPlainPath(path: string): boolean {
  return path.split('/').every((part) => part !== '' && !/^\.+$/.test(part) && !/[\\:\0]/.test(part));
}
