import { StarlingError } from '@starling/core';
import { publicUrl } from './remote-file.js';

/** What a model's name stands for. */
export type ModelReference =
  /** A file on disk, or a file's name in the cache folder. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'url'; readonly url: string }
  /** A repository of a model hub; `quant` picks one of its GGUF files. */
  | { readonly kind: 'hub'; readonly owner: string; readonly repo: string; readonly quant?: string };

const HUB_NAME = /^hf:([\w.-]+)\/([\w.-]+)(?::([\w.-]+))?$/;

/**
 * Reads a model's name: `hf:owner/repo[:quant]`, an `http(s)://` URL, or else a path.
 * @throws StarlingError invalid_argument if it is empty, or begins like a hub name or URL and is none
 */
export function parseReference(name: string): ModelReference {
  const refuse = (expected: string): StarlingError =>
    new StarlingError('invalid_argument', `model ${JSON.stringify(name)}: expected ${expected}`, { details: { name } });
  if (name.trim() === '' || name.includes('\0')) throw refuse('a path, a URL, or hf:OWNER/REPO[:QUANT]');
  if (name.startsWith('hf:')) {
    const [, owner, repo, quant] = HUB_NAME.exec(name) ?? [];
    if (!owner || [owner, repo].some((part) => /^\.+$/.test(part))) throw refuse('hf:OWNER/REPO[:QUANT]');
    return quant === undefined ? { kind: 'hub', owner, repo } : { kind: 'hub', owner, repo, quant };
  }
  if (/^https?:\/\//i.test(name)) {
    if (!URL.canParse(name)) throw refuse('a URL that can be parsed');
    const { href, hostname, username, password } = new URL(name);
    if (/^\.+$/.test(hostname)) throw refuse('a URL with a host');
    if (username !== '' || password !== '')
      throw new StarlingError(
        'invalid_argument',
        `model ${publicUrl(href)}: expected a URL without user and password: they are not sent`,
      );
    return { kind: 'url', url: href };
  }
  return { kind: 'file', path: name };
}

const SPLIT = /-(\d{5})-of-(\d{5})\.gguf$/i;

/** The names of all parts of a split file (`-00001-of-0000N.gguf`), in order; of any other file, its own name alone. */
export function partNames(fileName: string): string[] {
  const split = SPLIT.exec(fileName);
  if (!split) return [fileName];
  const count = Number(split[2]);
  const stem = fileName.slice(0, split.index);
  return Array.from({ length: count }, (_, i) => `${stem}-${String(i + 1).padStart(5, '0')}-of-${split[2]}.gguf`);
}

/** Quantizations by preference, when a hub name gives none: small enough for a CPU, good enough to judge a model by. */
const PREFERRED_QUANTS = ['Q4_K_M', 'Q4_0', 'Q4_K_S', 'Q5_K_M', 'Q8_0', 'Q6_K', 'MXFP4', 'F16', 'BF16', 'F32'];

/** Whether a file name holds a quantization's name as a word of its own (Q4_K does not fit Q4_K_M). */
function fitsQuant(fileName: string, quant: string): boolean {
  const words = quant.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(^|[^A-Za-z0-9_])${words}([^A-Za-z0-9_]|$)`, 'i').test(fileName);
}

/**
 * Picks a model's file from a repository's files: by quantization, else by preference. Projectors, adapters and importance
 * matrices are no models; of a split file the first part stands for all.
 * @returns undefined if none fits
 */
export function chooseHubFile(fileNames: readonly string[], quant?: string): string | undefined {
  const candidates = fileNames
    .filter((name) => /\.gguf$/i.test(name) && !/(^|[-_./])(mmproj|imatrix|lora)/i.test(name))
    .filter((name) => Number(SPLIT.exec(name)?.[1] ?? 1) === 1)
    .sort();
  if (quant !== undefined) return candidates.find((name) => fitsQuant(name, quant));
  for (const preferred of PREFERRED_QUANTS) {
    const match = candidates.find((name) => fitsQuant(name, preferred));
    if (match) return match;
  }
  return candidates[0];
}
