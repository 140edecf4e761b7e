import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { chromium } from 'playwright-core';
import type { Measurement } from './measurement.js';

const packageFolder = path.join(import.meta.dirname, 'node_modules/@wllama/wllama/esm');
const chromiumPath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

/** Whether a browser is there to run wllama in. */
export const hasChromium = (): boolean => fs.existsSync(chromiumPath);

/** Serves the package and one model file, with the headers that allow shared memory. */
function serve(modelFile: string): Promise<http.Server> {
  const server = http.createServer((request, response) => {
    const url = request.url ?? '/';
    const file = url === '/model.gguf' ? modelFile : path.join(packageFolder, path.normalize(url));
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    if (url === '/') return void response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>bench</title>');
    if (!fs.existsSync(file)) return void response.writeHead(404).end();
    const types: Record<string, string> = { '.js': 'text/javascript', '.wasm': 'application/wasm' };
    response.setHeader('Content-Type', types[path.extname(file)] ?? 'application/octet-stream');
    response.setHeader('Content-Length', fs.statSync(file).size);
    fs.createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** What runs in the page: loads the model and times completions, chunk by chunk. */
async function measureInPage({ threads, prompt, gen, runs }: { threads: number; prompt: number; gen: number; runs: number }): Promise<Measurement[]> {
  interface Chunk {
    timings?: { prompt_per_second?: number; predicted_per_second?: number };
  }
  interface Peer {
    loadModel(blobs: Blob[], options: object): Promise<void>;
    createCompletion(options: object): Promise<AsyncIterable<Chunk>>;
  }
  const entry = '/index.js';
  const { Wllama } = (await import(entry)) as { Wllama: new (paths: object, config: object) => Peer };
  const peer = new Wllama({ default: '/wasm/wllama.wasm' }, { suppressNativeLog: true });
  const blob = await (await fetch('/model.gguf')).blob();
  await peer.loadModel([blob], { n_ctx: prompt + gen + 16, n_threads: threads, n_batch: prompt, n_ubatch: prompt, n_gpu_layers: 0 });
  const results: { promptTps: number; decodeTps: number }[] = [];
  for (let run = 0; run < runs; run++) {
    const text = Array.from({ length: prompt }, (_, i) => String.fromCharCode(97 + ((i * 7 + run) % 26))).join('');
    const begin = performance.now();
    let first = 0;
    let count = 0;
    for await (const _chunk of await peer.createCompletion({ prompt: text, max_tokens: gen + 1, temperature: 0, ignore_eos: true, stream: true, cache_prompt: false })) {
      if (count++ === 0) first = performance.now();
    }
    const end = performance.now();
    results.push({ promptTps: prompt / ((first - begin) / 1000), decodeTps: gen / ((end - first) / 1000) });
  }
  return results;
}

/** Measures wllama on one model file in headless Chromium. */
export async function measureWllama(modelFile: string, threads: number, prompt: number, gen: number, runs: number): Promise<Measurement[]> {
  const server = await serve(modelFile);
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    // The loader that runs this file marks function names with a helper that pages do not have.
    await page.addInitScript('globalThis.__name = (value) => value');
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return await page.evaluate(measureInPage, { threads, prompt, gen, runs });
  } finally {
    await browser.close();
    server.close();
  }
}
