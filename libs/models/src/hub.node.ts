import { StarlingError, messageOf } from '@starling/core';
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

export function hubBaseUrl({ baseUrl }: HubOptions = {}): string {
  return (baseUrl ?? process.env.STARLING_HUB ?? process.env.HF_ENDPOINT ?? PUBLIC_HUB).replace(/\/+$/, '');
}

export function hubHeaders({ token = process.env.HF_TOKEN }: HubOptions = {}): Record<string, string> {
  return token ? { authorization: `Bearer ${token}` } : {};
}

/**
 * The files that make up a model of a repository: one, or all parts of a split one.
 * @throws StarlingError not_found if the repository or a fitting file does not exist; forbidden; download_failed
 */
export async function findHubFiles(owner: string, repo: string, quant: string | undefined, options: HubOptions = {}, signal?: AbortSignal): Promise<HubFile[]> {
  const base = hubBaseUrl(options);
  const url = `${base}/api/models/${owner}/${repo}/tree/main?recursive=true`;
  const entries = await listRepository(url, `hf:${owner}/${repo}`, hubHeaders(options), signal);
  const chosen = chooseHubFile([...entries.keys()], quant);
  if (chosen === undefined) {
    const models = [...entries.keys()].filter((name) => /\.gguf$/i.test(name));
    throw new StarlingError('not_found', `hf:${owner}/${repo}: no GGUF file${quant === undefined ? '' : ` of quantization ${quant}`}; it has ${models.length > 0 ? models.slice(0, 12).join(', ') : 'none'}`, {
      details: { owner, repo, quant, files: models },
    });
  }
  return partNames(chosen).map((name) => {
    const entry = entries.get(name);
    if (!entry) throw new StarlingError('not_found', `hf:${owner}/${repo}: part ${name} of a split model is missing`, { details: { owner, repo, name } });
    return { name, url: `${base}/${owner}/${repo}/resolve/main/${name.split('/').map(encodeURIComponent).join('/')}`, ...entry };
  });
}

async function listRepository(url: string, label: string, headers: Record<string, string>, signal?: AbortSignal): Promise<Map<string, { size?: number; sha256?: string }>> {
  const response = await request(url, { headers, signal }, LIST_TIMEOUT_MS);
  if (response.status === 404) throw new StarlingError('not_found', `${label}: the hub has no such repository`, { details: { url } });
  if (response.status === 401 || response.status === 403) throw new StarlingError('forbidden', `${label}: the hub refuses access; HF_TOKEN may be needed`, { details: { url } });
  if (!response.ok) throw new StarlingError('download_failed', `${label}: the hub answered ${response.status}`, { details: { url } });
  if (Number(response.headers.get('content-length') ?? 0) > MAX_LIST_BYTES) throw new StarlingError('download_failed', `${label}: the listing is longer than ${MAX_LIST_BYTES} bytes`, { details: { url } });
  let list: unknown;
  try {
    list = await response.json();
  } catch (cause) {
    throw new StarlingError('download_failed', `${label}: the listing is no JSON: ${messageOf(cause)}`, { details: { url }, cause });
  }
  if (!Array.isArray(list)) throw new StarlingError('download_failed', `${label}: the listing is no list`, { details: { url } });
  const files = new Map<string, { size?: number; sha256?: string }>();
  for (const entry of list as unknown[]) {
    if (typeof entry !== 'object' || entry === null || !('path' in entry) || typeof entry.path !== 'string') continue;
    if (!isPlainPath(entry.path)) continue;
    const { size, lfs } = entry as { size?: unknown; lfs?: { oid?: unknown; size?: unknown } };
    const bytes = lfs?.size ?? size;
    const oid = lfs?.oid;
    files.set(entry.path, {
      ...(typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= 0 ? { size: bytes } : {}),
      ...(typeof oid === 'string' && /^[0-9a-f]{64}$/i.test(oid) ? { sha256: oid.toLowerCase() } : {}),
    });
  }
  return files;
}

/** A path that stays below the folder that it is put in, on every platform. */
function isPlainPath(path: string): boolean {
  return path.split('/').every((part) => part !== '' && !/^\.+$/.test(part) && !/[\\:\0]/.test(part));
}
