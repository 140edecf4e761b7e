// Serves this folder: `node serve.mjs`. MODEL=model.gguf serves a file of yours, PORT is 3000 unless it is set, ISOLATED=0 leaves the headers out that give pages threads.
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';

const here = import.meta.dirname;
const repository = path.resolve(here, '../..');
const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.gguf': 'application/octet-stream',
};

/** The first of these files that is there. */
const first = (...files) => files.find((file) => file !== undefined && fs.existsSync(file));

/** The engine in the package, where that is installed. */
function packaged() {
  try {
    return createRequire(import.meta.url).resolve('@starling/engine/starling-web.js');
  } catch {
    return undefined;
  }
}

const files = {
  '/': path.join(here, 'index.html'),
  '/chat.js': path.join(here, 'chat.js'),
  '/starling-web.js': first(
    path.join(here, 'starling-web.js'),
    packaged(),
    path.join(repository, 'libs/engine/build/starling-web.js'),
  ),
  '/model.gguf': first(
    process.env.MODEL,
    path.join(here, 'model.gguf'),
    path.join(repository, 'apps/server/models/starling-demo-q8_0.gguf'),
  ),
};
const isolation =
  process.env.ISOLATED === '0'
    ? {}
    : { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

const server = http.createServer((request, response) => {
  const file = files[new URL(request.url, 'http://page').pathname];
  if (file === undefined) return void response.writeHead(404, isolation).end();
  const { size, mtimeMs } = fs.statSync(file);
  const headers = { ...isolation, 'content-type': types[path.extname(file)], etag: `"${size}-${mtimeMs}"` };
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const [begin, end] = range ? [Number(range[1]), Math.min(size - 1, Number(range[2]))] : [0, size - 1];
  if (begin > end) return void response.writeHead(416, { ...isolation, 'content-range': `bytes */${size}` }).end();
  response.writeHead(range ? 206 : 200, {
    ...headers,
    'content-length': end - begin + 1,
    ...(range && { 'content-range': `bytes ${begin}-${end}/${size}` }),
  });
  fs.createReadStream(file, { start: begin, end })
    .on('error', () => response.destroy())
    .pipe(response);
});
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () =>
  console.log(`http://127.0.0.1:${server.address().port}/`),
);
