import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createLanguageModel, type LanguageModel } from '@starling/engine';
import { openGgufFile } from '@starling/gguf/node';
import { tokenizerFromGguf } from '@starling/tokenizer';
import { loadTransformer } from '@starling/transformer/node';
import { makeModel } from '../peers/random-model.js';
import { SHAPES, type ShapeName } from '../peers/shapes.js';
import { ScriptedRuntime } from './scripted-runtime.js';
import { edit, mostly, prose, records, withDraftModel, type Task } from './tasks.js';

/**
 * Decoding with speculation beside decoding without: the same model, alternating runs, ratios of their medians. The model has random weights, computes
 * everything, and is made to say a given text. Prints one JSON object a task.
 */
const { values } = parseArgs({
  options: {
    shape: { type: 'string', default: '1.24B' },
    type: { type: 'string', default: 'Q4_0' },
    threads: { type: 'string', default: String(Math.min(2, os.availableParallelism())) },
    rounds: { type: 'string', default: '5' },
    /** Drafts for the shape, in the tasks with a draft model: one with its vocabulary. */
    draft: { type: 'string', default: '124M' },
    folder: { type: 'string', default: path.join(os.tmpdir(), 'starling-bench') },
    only: { type: 'string', default: '' },
  },
});

const median = (figures: readonly number[]): number => [...figures].sort((a, b) => a - b)[figures.length >> 1];
const rounded = (figure: number): number => Math.round(figure * 1000) / 1000;

fs.mkdirSync(values.folder, { recursive: true });
async function load(shape: ShapeName) {
  const file = await openGgufFile(await makeModel(values.folder, shape, values.type));
  const runtime = new ScriptedRuntime(
    await loadTransformer(file, { threads: Number(values.threads), contextLength: 4096, kvTokens: 4096 }),
  );
  await file.close();
  return { runtime, tokenizer: tokenizerFromGguf(file.metadata) };
}

const { runtime, tokenizer } = await load(values.shape as ShapeName);
const draftShape = SHAPES[values.draft as ShapeName];
const draftRuntime =
  draftShape.vocabulary === SHAPES[values.shape as ShapeName].vocabulary
    ? (await load(values.draft as ShapeName)).runtime
    : undefined;
const parts = { name: 'random', runtime, tokenizer, prefixCache: false, idlePrefill: false };
const off = createLanguageModel({ ...parts, speculation: false });
const lookUp = createLanguageModel(parts);
/** What is learnt of a draft model holds for one that is right about so much: each task has its own. */
const withDrafts = (task: Task): LanguageModel =>
  task.agreement === undefined
    ? lookUp
    : createLanguageModel({ ...parts, draftModel: { name: values.draft, runtime: draftRuntime! } });

interface Run {
  readonly tps: number;
  readonly tokens: string;
  readonly drafted: number;
  readonly accepted: number;
}

async function run(model: LanguageModel, { request, answer, agreement = 0 }: Task): Promise<Run> {
  runtime.script = [...request.tokens, ...answer];
  if (draftRuntime) draftRuntime.script = [...request.tokens, ...mostly(answer, agreement, vocabSize)];
  const { tokens, timings } = await model.generate(request).result();
  return {
    tps: timings.decodeTps,
    tokens: tokens.join(' '),
    drafted: timings.draftedTokens,
    accepted: timings.acceptedTokens,
  };
}

const { vocabSize } = runtime.info;
const drafted = draftRuntime
  ? [withDraftModel(prose(vocabSize), 0.8, 1.6), withDraftModel(prose(vocabSize), 0, 0.98)]
  : [];
const tasks = [edit(vocabSize), prose(vocabSize), records(vocabSize, tokenizer), ...drafted].filter(({ name }) =>
  name.includes(values.only),
);
for (const task of tasks) {
  const on = withDrafts(task);
  // Kernels are compiled well, and it is known what wide steps take.
  for (const model of [off, on]) await run(model, task);
  const runs: { off: Run; on: Run }[] = [];
  for (let round = 0; round < Number(values.rounds); round++)
    runs.push({ off: await run(off, task), on: await run(on, task) });
  const [offTps, onTps] = [median(runs.map((one) => one.off.tps)), median(runs.map((one) => one.on.tps))];
  const { drafted, accepted } = runs[0].on;
  const isSame = runs.every((one) => one.off.tokens === one.on.tokens && one.on.tokens === runs[0].on.tokens);
  console.log(
    JSON.stringify({
      task: task.name,
      shape: values.shape,
      type: values.type,
      threads: Number(values.threads),
      cpu: os.cpus()[0].model,
      node: process.version,
      off_tps: rounded(offTps),
      on_tps: rounded(onTps),
      ratio: rounded(onTps / offTps),
      goal: task.goal,
      drafted,
      accepted,
      same_tokens: isSame,
    }),
  );
}
await Promise.all([runtime.close(), draftRuntime?.close()]);
