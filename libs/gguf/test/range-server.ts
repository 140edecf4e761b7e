import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a test server does wrong, and what it saw. */
export interface RangeServer {
  readonly url: string;
  readonly requests: {
    readonly path: string;
    readonly range: string | undefined;
    readonly authorization: string | undefined;
  }[];
  bytesSent: number;
  close(): Promise<void>;
}

/** Answers a request in place of the server; false lets the server answer. */
export type Misbehave = (request: http.IncomingMessage, response: http.ServerResponse, count: number) => boolean;

/** Serves files by range on the loopback interface. */
export async function serveRanges(
  files: Readonly<Record<string, Uint8Array>>,
  misbehave: Misbehave = () => false,
): Promise<RangeServer> {
  const requests: RangeServer['requests'] = [];
  const server = http.createServer((request, response) => {
    requests.push({
      path: request.url ?? '',
      range: request.headers.range,
      authorization: request.headers.authorization,
    });
    if (misbehave(request, response, requests.length)) return;
    const body = files[(request.url ?? '').split('?')[0]];
    if (body === undefined) {
      response.writeHead(404).end();
      return;
    }
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const start = Number(range?.[1] ?? 0);
    const end = Math.min(Number(range?.[2] ?? body.length - 1), body.length - 1);
    handle.bytesSent += end + 1 - start;
    response.writeHead(range === null ? 200 : 206, {
      'content-range': `bytes ${start}-${end}/${body.length}`,
      etag: '"1"',
    });
    response.end(body.subarray(start, end + 1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const handle: RangeServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    bytesSent: 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return handle;
}
