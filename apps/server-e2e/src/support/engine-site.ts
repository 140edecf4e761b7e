import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { repositoryRoot } from './starling-process.js';

const built = path.join(repositoryRoot, 'libs/engine/build/starling-web.js');

/** The model that people get. */
export const demoModel = path.join(repositoryRoot, 'apps/server/models/starling-demo-q8_0.gguf');

/** What isolates a page from others, so that its workers may share memory. */
const ISOLATION = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

/** A site with the engine and the demo model, and empty pages: `/isolated/` and `/plain/`. */
export class EngineSite {
  /** Ranges of the model that were asked for; `whole` where none was. */
  readonly asked: string[] = [];
  /** Whether the model can be reached. */
  isUp = true;
  /** Whether parts of the model are given, or the whole alone. */
  givesRanges = true;
  /** After so many bytes of the model in all, connections are cut. */
  budget = Infinity;
  /** Of the model. */
  etag = '"demo"';
  readonly #model = fs.readFileSync(demoModel);
  readonly #server = http.createServer((request, response) => this.#answer(request, response));

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { pathname } = new URL(request.url ?? '/', 'http://site');
    const isolation = pathname.startsWith('/isolated/') ? ISOLATION : {};
    const send = (type: string, body: string | Buffer): void =>
      void response.writeHead(200, { ...isolation, 'content-type': type }).end(body);
    if (pathname.endsWith('/'))
      send('text/html', '<!doctype html><title>engine</title><link rel="icon" href="data:,">');
    else if (pathname.endsWith('/starling-web.js')) send('text/javascript', fs.readFileSync(built));
    else if (pathname.endsWith('/model.gguf')) this.#sendModel(request, response);
    else response.writeHead(404).end();
  }

  #sendModel(request: http.IncomingMessage, response: http.ServerResponse): void {
    if (!this.isUp) return void response.destroy();
    const range = this.givesRanges ? /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') : null;
    this.asked.push(range?.[0] ?? 'whole');
    const size = this.#model.length;
    const [begin, end] = range ? [Number(range[1]), Math.min(size, Number(range[2]) + 1)] : [0, size];
    const body = this.#model.subarray(begin, end);
    response.writeHead(range ? 206 : 200, {
      etag: this.etag,
      'content-length': body.length,
      ...(range && { 'content-range': `bytes ${begin}-${end - 1}/${size}` }),
    });
    const given = Math.min(body.length, this.budget);
    this.budget -= given;
    if (given === body.length) response.end(body);
    else response.write(body.subarray(0, given), () => response.destroy());
  }
}
