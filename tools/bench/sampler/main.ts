import { createSampler, logProbabilities, Mt19937, type SamplerOptions } from '@starling/sampler';

/**
 * How long a token takes to sample from 128,256 logits, on one thread, beside the plain way of doing it: an object for each
 * candidate, a full sort, a softmax over what top-k leaves. Prints one JSON object.
 */
const VOCABULARY_SIZE = 128_256;
const WARM_UP = 50;
const RUNS = 300;
const NAIVE_RUNS = 12;

const random = new Mt19937(1);

/** Logits with the shape of a language model's: near normal, with a few likely tokens. */
function makeLogits(): Float32Array {
  const logits = Float32Array.from({ length: VOCABULARY_SIZE }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.nextDouble()));
    return 2.5 * radius * Math.cos(2 * Math.PI * random.nextDouble());
  });
  for (let i = 0; i < 20; i++) logits[random.nextUint32() % VOCABULARY_SIZE] += 8;
  return logits;
}

function medianMs(runs: number, once: (index: number) => void): { median: number; p99: number } {
  const times = Array.from({ length: runs }, (_, i) => {
    const start = performance.now();
    once(i);
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return { median: round(times[runs >> 1]), p99: round(times[Math.floor(runs * 0.99)]) };
}

function round(ms: number): number {
  return Math.round(ms * 10_000) / 10_000;
}

function naiveSample(logits: Float32Array): number {
  const top = Array.from(logits, (logit, id) => ({ id, logit }))
    .sort((a, b) => b.logit - a.logit)
    .slice(0, 40);
  const weights = top.map(({ logit }) => Math.exp((logit - top[0].logit) / 0.8));
  const total = weights.reduce((a, b) => a + b, 0);
  let rest = random.nextDouble() * total;
  return top[
    Math.max(
      0,
      weights.findIndex((weight) => (rest -= weight) <= 0),
    )
  ].id;
}

const inputs = Array.from({ length: 16 }, makeLogits);
const vocabulary = {
  size: VOCABULARY_SIZE,
  endOfGeneration: new Set([2]),
  bytesOf: (id: number) => Uint8Array.of(id & 255),
  encode: () => [],
};

const chains: Record<string, SamplerOptions> = {
  default: {},
  greedy: { temperature: 0 },
  'default with penalties and DRY': { repeatPenalty: 1.1, presencePenalty: 0.2, dryMultiplier: 0.8 },
  'top-k off': { topK: 0 },
  'no truncation': { topK: 0, topP: 1, minP: 0 },
  'top-n-sigma': { topNSigma: 1 },
  'mirostat 2': { mirostat: 2 },
};

const results: Record<string, { median: number; p99: number }> = {};
for (const [name, params] of Object.entries(chains)) {
  const sampler = createSampler({ ...params, seed: 1 }, vocabulary);
  for (let i = 0; i < 200; i++) sampler.accept(random.nextUint32() % 500);
  const once = (index: number): void => sampler.accept(sampler.sample(inputs[index % inputs.length]).id);
  for (let i = 0; i < WARM_UP; i++) once(i);
  results[name] = medianMs(RUNS, once);
}
results['naive full sort'] = medianMs(NAIVE_RUNS, (index) => naiveSample(inputs[index % inputs.length]));
results['log-probabilities, top 20'] = medianMs(50, (index) => logProbabilities(inputs[index % inputs.length], 5, 20));

console.log(JSON.stringify({ vocabularySize: VOCABULARY_SIZE, unit: 'ms per token', results }, null, 2));
