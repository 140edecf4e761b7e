import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { chromium, type Page } from 'playwright-core';

const chromiumPath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

/** Whether a browser is there to measure in. */
export const hasChromium = (): boolean => fs.existsSync(chromiumPath);

/** Serves a folder of scripts and one model file, with the headers that allow shared memory. */
function serve(folder: string, modelFile: string): Promise<http.Server> {
  const server = http.createServer((request, response) => {
    const url = request.url ?? '/';
    const file = url === '/model.gguf' ? modelFile : path.join(folder, path.normalize(url));
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    if (url === '/')
      return void response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>bench</title>');
    if (!fs.existsSync(file)) return void response.writeHead(404).end();
    const types: Record<string, string> = { '.js': 'text/javascript', '.wasm': 'application/wasm' };
    response.setHeader('Content-Type', types[path.extname(file)] ?? 'application/octet-stream');
    response.setHeader('Content-Length', fs.statSync(file).size);
    fs.createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** Measures in a cross-origin isolated page of headless Chromium, which has the scripts of a folder beside it, and the model as `/model.gguf`. */
export async function inChromium<Result>(
  folder: string,
  modelFile: string,
  measure: (page: Page) => Promise<Result>,
): Promise<Result> {
  const server = await serve(folder, modelFile);
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    // The loader that runs this file marks function names with a helper that pages do not have.
    await page.addInitScript('globalThis.__name = (value) => value');
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return await measure(page);
  } finally {
    await browser.close();
    server.close();
  }
}
