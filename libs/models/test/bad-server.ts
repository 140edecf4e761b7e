import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a test server misbehaves. */
export interface Faults {
  /** Cuts the connection after so many bytes of a body, for the first `times` requests. */
  cut?: { afterBytes: number; times: number };
  /** Sends nothing more after so many bytes of a body, for the first `times` requests. */
  stall?: { afterBytes: number; times: number };
  /** Tells a wrong size. */
  claimedSize?: number;
  /** Changes a byte of every answer. */
  corrupt?: boolean;
  /** Ignores ranges. */
  noRanges?: boolean;
  /** Sends more than was asked for. */
  overlong?: boolean;
  /** Another version, with another validator, from this request on. */
  changesAt?: number;
  etag?: string;
  /** An entity tag as it stands. */
  rawEtag?: string;
  /** Sends no faster. */
  bytesPerSecond?: number;
  linkedSha256?: string;
  redirectTo?: string;
  status?: number;
}

export interface BadServer {
  readonly url: string;
  readonly faults: Faults;
  /** The ranges (or `whole`) that were asked for, in order. */
  readonly requests: string[];
  readonly headers: http.IncomingHttpHeaders[];
  /** Further paths, for example a hub's listing. */
  readonly pages: Map<string, string>;
  close(): Promise<void>;
}

/** Sends a body in pieces of a twentieth of a second. */
function drip(response: http.ServerResponse, body: Buffer, bytesPerSecond: number): void {
  const size = Math.ceil(bytesPerSecond / 20);
  let sent = 0;
  const timer = setInterval(() => {
    response.write(body.subarray(sent, sent + size));
    sent += size;
    if (sent < body.length && !response.destroyed) return;
    clearInterval(timer);
    response.end();
  }, 50);
}

/** A local HTTP server with one file, that misbehaves as told. */
export async function startBadServer(file: Uint8Array, faults: Faults = {}): Promise<BadServer> {
  const requests: string[] = [];
  const headers: http.IncomingHttpHeaders[] = [];
  const pages = new Map<string, string>();
  let version = 1;
  const server = http.createServer((request, response) => {
    const page = pages.get(request.url ?? '/');
    if (page !== undefined) return void response.writeHead(200, { 'content-type': 'application/json' }).end(page);
    headers.push(request.headers);
    requests.push(request.headers.range ?? 'whole');
    if (faults.status) return void response.writeHead(faults.status).end();
    if (faults.linkedSha256) response.setHeader('x-linked-etag', `"${faults.linkedSha256}"`);
    if (faults.redirectTo) return void response.writeHead(302, { location: faults.redirectTo }).end();
    if (faults.changesAt !== undefined && requests.length >= faults.changesAt) version = 2;
    const etag = faults.rawEtag ?? (faults.etag && `"${faults.etag}-${version}"`);
    if (etag) response.setHeader('etag', etag);

    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const current = request.headers['if-range'] === undefined || request.headers['if-range'] === etag;
    const partial = range !== null && !faults.noRanges && current;
    const begin = partial ? Number(range[1]) : 0;
    const end = partial ? Math.min(file.length, Number(range[2]) + 1) : file.length;
    const body = Buffer.from(
      file.subarray(begin, faults.overlong && partial && end - begin > 1 ? Math.min(file.length, end + 7) : end),
    );
    if (faults.corrupt && body.length > 1) body[body.length >> 1] ^= 0xff;
    const total = faults.claimedSize ?? file.length;
    if (partial) response.setHeader('content-range', `bytes ${begin}-${end - 1}/${total}`);
    response.writeHead(partial ? 206 : 200, {
      'content-length': partial || faults.claimedSize === undefined ? body.length : total,
    });

    for (const [fault, finish] of [
      [faults.cut, () => response.destroy()],
      [faults.stall, () => undefined],
    ] as const) {
      if (fault && fault.times > 0 && body.length > fault.afterBytes) {
        fault.times--;
        response.write(body.subarray(0, fault.afterBytes), () => setTimeout(finish, 5));
        return;
      }
    }
    if (faults.bytesPerSecond === undefined) response.end(body);
    else drip(response, body, faults.bytesPerSecond);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    requests,
    headers,
    pages,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
