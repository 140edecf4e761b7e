import path from 'node:path';
import type * as Web from '@starling/engine/web';
import { inChromium } from '../peers/chromium-page.js';
import type { Measurement } from '../peers/measurement.js';
import { root } from '../../run.mjs';

const builtFolder = path.join(root, 'libs/engine/build');

/** What runs in the page: loads the model and times completions, part by part, as it is done with the peers. */
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
  const { loadInWorker } = (await import('/starling-web.js' as string)) as typeof Web;
  const blob = await (await fetch('/model.gguf')).blob();
  const model = await loadInWorker(blob, {
    threads,
    contextLength: prompt + gen + 16,
    maxBatchTokens: prompt,
    maxSequences: 1,
    prefixCache: false,
    idlePrefill: false,
    speculation: false,
  });
  const results: { promptTps: number; decodeTps: number }[] = [];
  for (let run = 0; run < runs; run++) {
    const text = Array.from({ length: prompt }, (_, i) => String.fromCharCode(97 + ((i * 7 + run) % 26))).join('');
    const begin = performance.now();
    let first = 0;
    let count = 0;
    for await (const part of model.generate({
      prompt: text,
      addSpecial: false,
      maxTokens: gen + 1,
      temperature: 0,
      ignoreEos: true,
    })) {
      if (part.kind === 'token' && count++ === 0) first = performance.now();
    }
    const end = performance.now();
    results.push({ promptTps: prompt / ((first - begin) / 1000), decodeTps: gen / ((end - first) / 1000) });
  }
  await model.close();
  return results;
}

/** Measures Starling on one model file in headless Chromium. */
export function measureStarlingWeb(
  modelFile: string,
  threads: number,
  prompt: number,
  gen: number,
  runs: number,
): Promise<Measurement[]> {
  return inChromium(builtFolder, modelFile, (page) => page.evaluate(measureInPage, { threads, prompt, gen, runs }));
}
