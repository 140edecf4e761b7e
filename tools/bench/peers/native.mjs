// Measures node-llama-cpp on one model file, in its own process: prints one JSON line.
// usage: node native.mjs PACKAGE_FOLDER MODEL THREADS PROMPT_TOKENS GEN_TOKENS RUNS
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, modelPath, ...numbers] = process.argv.slice(2);
const [threads, promptTokens, genTokens, runs] = numbers.map(Number);
const require = createRequire(path.join(folder, 'package.json'));
const { getLlama } = await import(pathToFileURL(require.resolve('node-llama-cpp')).href);

const llama = await getLlama({
  build: 'never',
  gpu: false,
  logLevel: 'error',
  maxThreads: threads,
  progressLogs: false,
});
const begin = performance.now();
const model = await llama.loadModel({ modelPath });
const loadMs = performance.now() - begin;
const context = await model.createContext({
  contextSize: promptTokens + genTokens + 8,
  batchSize: promptTokens,
  threads,
  sequences: 1,
});

const results = [];
for (let run = 0; run < runs; run++) {
  const sequence = context.getSequence();
  const prompt = Array.from({ length: promptTokens }, (_, i) => 3 + ((i * 7919 + run) % 1000));
  let count = 0;
  let firstAt = 0;
  const startedAt = performance.now();
  for await (const _token of sequence.evaluate(prompt, { temperature: 0 })) {
    if (count === 0) firstAt = performance.now();
    if (++count > genTokens) break;
  }
  const endedAt = performance.now();
  results.push({
    promptTps: promptTokens / ((firstAt - startedAt) / 1000),
    decodeTps: (count - 1) / ((endedAt - firstAt) / 1000),
  });
  await sequence.clearHistory();
  sequence.dispose();
}
console.log(JSON.stringify({ loadMs, results, system: llama.systemInfo }));
process.exit(0);
