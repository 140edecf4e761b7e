import path from 'node:path';
import { inChromium } from './chromium-page.js';
import type { Measurement } from './measurement.js';

const packageFolder = path.join(import.meta.dirname, 'node_modules/@wllama/wllama/esm');

/** What runs in the page: loads the model and times completions, chunk by chunk. */
async function measureInPage({
  threads,
  prompt,
  gen,
  runs,
}: {
  threads: number;
  prompt: number;
  gen: number;
  runs: number;
}): Promise<Measurement[]> {
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
  await peer.loadModel([blob], {
    n_ctx: prompt + gen + 16,
    n_threads: threads,
    n_batch: prompt,
    n_ubatch: prompt,
    n_gpu_layers: 0,
  });
  const results: { promptTps: number; decodeTps: number }[] = [];
  for (let run = 0; run < runs; run++) {
    const text = Array.from({ length: prompt }, (_, i) => String.fromCharCode(97 + ((i * 7 + run) % 26))).join('');
    const begin = performance.now();
    let first = 0;
    let count = 0;
    for await (const _chunk of await peer.createCompletion({
      prompt: text,
      max_tokens: gen + 1,
      temperature: 0,
      ignore_eos: true,
      stream: true,
      cache_prompt: false,
    })) {
      if (count++ === 0) first = performance.now();
    }
    const end = performance.now();
    results.push({ promptTps: prompt / ((first - begin) / 1000), decodeTps: gen / ((end - first) / 1000) });
  }
  return results;
}

/** Measures wllama on one model file in headless Chromium. */
export function measureWllama(
  modelFile: string,
  threads: number,
  prompt: number,
  gen: number,
  runs: number,
): Promise<Measurement[]> {
  return inChromium(packageFolder, modelFile, (page) => page.evaluate(measureInPage, { threads, prompt, gen, runs }));
}
