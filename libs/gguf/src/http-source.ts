import { StarlingError, bodyPieces, messageOf, type ErrorDetails } from '@starling/core';
import { checkRange, type ByteSource } from './byte-source.js';

/** How a file on a server is read. */
export interface HttpSourceOptions {
  /** Sent with every request, for instance `authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes fetched at once while a header is parsed. Default 1 MiB. */
  readonly chunkBytes?: number;
  /** How long a response may stand still before it counts as failed. Default 30 s. */
  readonly stallMs?: number;
  /** Default: the platform's. */
  readonly fetch?: typeof fetch;
}

/** A file on a server. */
export interface HttpFile extends ByteSource {
  /** The server's validator (an entity tag, else when it last changed): the bytes are the same as long as it is. Undefined: it tells none, or not to this page. */
  readonly version?: string;
}

const DEFAULT_CHUNK_BYTES = 2 ** 20;
const DEFAULT_STALL_MS = 30_000;
const ATTEMPTS = 3;

/**
 * Opens a file on a server that answers range requests: only what is read is fetched.
 * @throws StarlingError file_not_found, or download_failed if the server fails or does not answer range requests (`details.ranges` is false)
 */
export async function openHttpSource(url: string | URL, options: HttpSourceOptions = {}): Promise<HttpFile> {
  const requests = new RangeRequests(new URL(url), options);
  const wanted = options.chunkBytes ?? DEFAULT_CHUNK_BYTES;
  const head = new Uint8Array(wanted);
  const { size, length } = await requests.read(0, head, 'up to');
  return new HttpSource(requests, size, head.subarray(0, length), wanted);
}

class HttpSource implements HttpFile {
  readonly name: string;
  #isClosed = false;

  constructor(
    readonly requests: RangeRequests,
    readonly size: number,
    /** The first bytes, fetched to learn the size. */
    readonly head: Uint8Array,
    readonly chunkBytes: number,
  ) {
    this.name = requests.name;
  }

  get version(): string | undefined {
    return this.requests.version;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    checkRange(this, offset, into.length);
    if (this.#isClosed) throw new StarlingError('closed', `${this.name}: was closed`, { details: { url: this.name } });
    const known = this.head.subarray(offset, offset + into.length);
    into.set(known);
    if (known.length === into.length) return;
    const { size } = await this.requests.read(offset + known.length, into.subarray(known.length), 'exactly');
    if (size !== this.size)
      throw this.requests.error(`changed its size from ${this.size} to ${size} bytes while it was read`);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }
}

/** Range requests for one resource, which must stay the same between them. */
class RangeRequests {
  readonly #fetch: typeof fetch;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #stallMs: number;
  #etag: string | null = null;
  #lastModified: string | null = null;

  constructor(
    readonly url: URL,
    options: HttpSourceOptions,
  ) {
    // Browsers' own refuses to be called as a method of anything.
    this.#fetch = options.fetch ?? ((...request) => fetch(...request));
    this.#headers = options.headers ?? {};
    this.#stallMs = options.stallMs ?? DEFAULT_STALL_MS;
  }

  /** The address without what may be secret in it. */
  get name(): string {
    return `${this.url.origin}${this.url.pathname}`;
  }

  get version(): string | undefined {
    return this.#etag ?? this.#lastModified ?? undefined;
  }

  error(problem: string, cause?: unknown): StarlingError {
    return new StarlingError('download_failed', `${this.name}: ${problem}`, { details: { url: this.name }, cause });
  }

  /** Reads bytes from `offset` on into `into`: all of them, or (`up to`) as many as there are. Tries again where that may help. */
  async read(offset: number, into: Uint8Array, amount: 'exactly' | 'up to'): Promise<{ size: number; length: number }> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#readOnce(offset, into, amount);
      } catch (error) {
        if (error instanceof StarlingError && (error.code !== 'download_failed' || error.details.final === true))
          throw error;
        if (attempt === ATTEMPTS)
          throw error instanceof StarlingError ? error : this.error(`cannot be read (${reasonOf(error)})`, error);
      }
    }
  }

  async #readOnce(
    offset: number,
    into: Uint8Array,
    amount: 'exactly' | 'up to',
  ): Promise<{ size: number; length: number }> {
    const abort = new AbortController();
    const stall = new StallTimer(abort, this.#stallMs);
    try {
      const headers = { ...this.#headers, range: `bytes=${offset}-${offset + into.length - 1}` };
      const response = await this.#fetch(this.url, { headers, signal: abort.signal });
      stall.restart();
      const size = this.#checkResponse(response, offset);
      const expected = Math.min(into.length, size - offset);
      if (expected < into.length && amount === 'exactly')
        throw this.error(`has ${size} bytes, fewer than it had before`);
      let length = 0;
      for await (const chunk of bodyPieces(response, abort.signal)) {
        stall.restart();
        if (length + chunk.length > expected)
          throw this.error(`sent more than the ${expected} bytes that were asked for`);
        into.set(chunk, length);
        length += chunk.length;
      }
      if (stall.hasFired) throw this.error(`nothing came for ${this.#stallMs} ms`);
      if (length < expected) throw this.error(`sent ${length} of ${expected} bytes`);
      return { size, length };
    } finally {
      stall.stop();
      abort.abort();
    }
  }

  /** The size of the whole, from a response that holds the range asked for. */
  #checkResponse(response: Response, offset: number): number {
    if (response.status === 404)
      throw new StarlingError('file_not_found', `${this.name}: not found (404)`, { details: { url: this.name } });
    if (response.status === 200)
      throw this.#final('the server does not answer range requests; download the file instead', { ranges: false });
    if (response.status >= 400 && response.status < 500 && response.status !== 408 && response.status !== 429)
      throw this.#final(`refused with status ${response.status}`);
    if (response.status !== 206) throw this.error(`answered with status ${response.status}`);
    const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
    if (range === null || Number(range[1]) !== offset)
      throw this.#final(`answered with the wrong range (${response.headers.get('content-range') ?? 'none'})`);
    const etag = response.headers.get('etag');
    if (this.#etag !== null && etag !== this.#etag) throw this.#final('changed while it was read');
    this.#etag = etag;
    this.#lastModified = response.headers.get('last-modified');
    return Number(range[3]);
  }

  /** An error that trying again does not mend. */
  #final(problem: string, details: ErrorDetails = {}): StarlingError {
    return new StarlingError('download_failed', `${this.name}: ${problem}`, {
      details: { url: this.name, final: true, ...details },
    });
  }
}

/** Why a request failed: fetch itself only says that it did. */
function reasonOf(error: unknown): string {
  return messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
}

/** Aborts a request when nothing has come for a while. */
class StallTimer {
  hasFired = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly abort: AbortController,
    readonly stallMs: number,
  ) {
    this.restart();
  }

  restart(): void {
    this.stop();
    this.#timer = setTimeout(() => {
      this.hasFired = true;
      this.abort.abort();
    }, this.stallMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
