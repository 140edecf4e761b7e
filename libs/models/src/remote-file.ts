import { StarlingError, messageOf } from '@starling/core';

/** What a server tells of a file before it is fetched. */
export interface RemoteFile {
  /** Where the bytes are, after redirects. */
  readonly url: string;
  readonly size?: number;
  /** Hex, when the server names it (hubs do). */
  readonly sha256?: string;
  /** A strong validator: the bytes are the same as long as it is. */
  readonly etag?: string;
  /** Hex, where the validator looks like a checksum: only a hub means it so. */
  readonly etagSha256?: string;
  /** A weak validator: when the file last changed. */
  readonly lastModified?: string;
  /** Whether parts of the file can be asked for. */
  readonly ranges: boolean;
  /** Headers to send when asking for bytes. */
  readonly headers: Readonly<Record<string, string>>;
}

/** More redirects than any honest server needs. */
const MAX_REDIRECTS = 8;

const failed = (url: string, why: string, cause?: unknown, details: { readonly final?: true } = {}): StarlingError =>
  new StarlingError('download_failed', `${publicUrl(url)}: ${why}`, {
    details: { url: publicUrl(url), ...details },
    cause,
  });

/**
 * Asks, with a limit on the time until the headers are there; the body may take as long as it wants. The signal of `init` ends both.
 * It is handed on by hand: a signal made by AbortSignal.any or .timeout would either cut a long body or, once collected, not fire at all.
 */
export async function request(url: string, init: RequestInit, timeoutMs: number): Promise<Response> {
  const stop = new AbortController();
  const abort = (): void => stop.abort(init.signal?.reason);
  init.signal?.addEventListener('abort', abort, { once: true });
  if (init.signal?.aborted) abort();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stop.abort();
  }, timeoutMs);
  try {
    return await fetch(url, { ...init, signal: stop.signal });
  } catch (cause) {
    init.signal?.removeEventListener('abort', abort);
    if (init.signal?.aborted)
      throw new StarlingError('cancelled', `${publicUrl(url)}: the download was cancelled`, { cause });
    if (isLate) throw failed(url, `no answer within ${timeoutMs} ms`, cause);
    throw failed(url, `no connection: ${reasonOf(cause)}`, cause, isFinal(cause) ? { final: true } : {});
  } finally {
    clearTimeout(timer);
  }
}

/** Codes of failures that the next attempt would meet again: certificates that are not to be trusted. */
const FINAL_CODE = /CERT|TLS|^UNABLE_TO_(?:GET_ISSUER|VERIFY)/;

/**
 * Whether a request failed for what was asked, not for the way there. What went wrong on the way has a code; what fetch refuses by itself has
 * none: ports that are not for HTTP, addresses with a password in them.
 */
function isFinal(thrown: unknown): boolean {
  // Not `instanceof`: fetch may be of another realm.
  const { name, message, cause } = thrown as Partial<Error>;
  const { code } = (cause ?? thrown) as { readonly code?: unknown };
  return typeof code === 'string'
    ? FINAL_CODE.test(code)
    : name === 'TypeError' && (cause !== undefined || message !== 'fetch failed');
}

/** An address for messages: without user, password and query, which may be secret (and are long where a hub redirects to). */
export function publicUrl(url: string): string {
  if (!URL.canParse(url)) return url;
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

/** An address with a user and a password in it, as fetch takes it: without, and with a header that says the same. */
function withoutCredentials(
  url: string,
  headers: Readonly<Record<string, string>>,
): { readonly url: string; readonly headers: Readonly<Record<string, string>> } {
  const plain = new URL(url);
  const { username, password } = plain;
  if (username === '' && password === '') return { url, headers };
  plain.username = plain.password = '';
  const bytes = new TextEncoder().encode([username, password].map(decoded).join(':'));
  return { url: plain.href, headers: { ...headers, authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` } };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Why a request failed: fetch itself only says that it did. */
export function reasonOf(cause: unknown): string {
  return messageOf((cause as Partial<Error> | undefined)?.cause ?? cause);
}

/**
 * Finds out a file's size, checksum and whether it can be fetched in parts. Asks for its first byte, since not every server
 * answers HEAD; follows redirects one by one, since hubs name the checksum on the way.
 * @throws StarlingError not_found for 404 and 410; forbidden for 401 and 403; download_failed otherwise
 */
export async function probe(
  url: string,
  headers: Readonly<Record<string, string>>,
  options: { signal?: AbortSignal; timeoutMs: number },
): Promise<RemoteFile> {
  let current = url;
  let sent = headers;
  let linked: { sha256?: string; size?: number } = {};
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    ({ url: current, headers: sent } = withoutCredentials(current, sent));
    const response = await request(
      current,
      {
        headers: { ...sent, range: 'bytes=0-0', 'accept-encoding': 'identity' },
        redirect: 'manual',
        signal: options.signal,
      },
      options.timeoutMs,
    );
    void response.body?.cancel();
    linked = { ...linked, ...linkedFacts(response.headers) };
    const location = response.headers.get('location');
    if (response.status >= 300 && response.status < 400 && location !== null && URL.canParse(location, current)) {
      const next = new URL(location, current);
      // Credentials are for the server that they were given for.
      if (next.origin !== new URL(current).origin)
        sent = Object.fromEntries(Object.entries(sent).filter(([name]) => name.toLowerCase() !== 'authorization'));
      current = next.href;
      continue;
    }
    if (response.status === 404 || response.status === 410)
      throw new StarlingError('not_found', `${publicUrl(url)}: the server has no such file (${response.status})`, {
        details: { url: publicUrl(url) },
      });
    if (response.status === 401 || response.status === 403) {
      throw new StarlingError(
        'forbidden',
        `${publicUrl(url)}: the server refuses access (${response.status}); a token may be needed`,
        { details: { url: publicUrl(url) } },
      );
    }
    const facts = bodyFacts(response);
    if (!facts) throw statusError(url, response);
    const etag = response.headers.get('etag') ?? undefined;
    const strong = etag?.startsWith('"') ? etag : undefined;
    if (facts.size !== undefined && linked.size !== undefined && facts.size !== linked.size) {
      throw failed(url, `the server has ${facts.size} bytes, where ${linked.size} were announced`);
    }
    return {
      url: current,
      headers: sent,
      ...linked,
      ...facts,
      size: facts.size ?? linked.size,
      etag: strong,
      etagSha256: SHA256_TAG.exec(etag ?? '')?.[1].toLowerCase(),
      lastModified: response.headers.get('last-modified') ?? undefined,
    };
  }
  throw failed(url, `more than ${MAX_REDIRECTS} redirects`);
}

/** The error for an answer that brings no bytes. Trying again helps only where the server is busy or broken; it may say when. */
export function statusError(url: string, response: Response): StarlingError {
  const { status } = response;
  const mayPass = status >= 500 || [401, 403, 408, 425, 429].includes(status);
  const afterSeconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new StarlingError('download_failed', `${publicUrl(url)}: the server answered ${status}`, {
    details: {
      url: publicUrl(url),
      status,
      ...(!mayPass && { final: true }),
      ...(Number.isFinite(afterSeconds) && { retryAfterMs: afterSeconds * 1000 }),
    },
  });
}

const SHA256_TAG = /^(?:W\/)?"?([0-9a-f]{64})"?$/i;

/** What hubs tell of a large file: its SHA-256 as an entity tag, and its size. */
function linkedFacts(headers: Headers): { sha256?: string; size?: number } {
  const sha256 = SHA256_TAG.exec(headers.get('x-linked-etag') ?? '')?.[1].toLowerCase();
  const size = sizeOf(headers.get('x-linked-size'));
  return { ...(sha256 ? { sha256 } : {}), ...(size === undefined ? {} : { size }) };
}

function bodyFacts(response: Response): { size?: number; ranges: boolean } | undefined {
  if (response.status === 206) {
    const total = /^bytes 0-0\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '')?.[1];
    return total === undefined ? undefined : { size: sizeOf(total), ranges: total !== '*' };
  }
  // An empty file has no first byte to give.
  if (response.status === 416)
    return {
      size: sizeOf(/^bytes \*\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? null),
      ranges: false,
    };
  if (response.status === 200) return { size: sizeOf(response.headers.get('content-length')), ranges: false };
  return undefined;
}

function sizeOf(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
