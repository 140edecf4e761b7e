import {
  buildMatmulModule,
  buildOpsModule,
  ComputeMemory,
  ComputeTeam,
  fastestBuild,
  type KernelBuild,
  type KernelTable,
  PLAIN_BUILD,
  writeProgram,
  type NamedModules,
} from '@starling/kernels';
import { matmulModuleName, opsModuleName } from '@starling/kernels/internal';
import { weightFacts, type GgufModel } from '@starling/gguf';
import { adapterInfo } from '../adapters/load-adapters.js';
import type { Graph } from '../graph/graph.js';
import { programNames } from '../graph/layout.js';
import type { ModelInfo, ModelRuntime } from '../runtime/model-runtime.js';
import { StepWriter } from '../runtime/step-writer.js';
import { TransformerRuntime } from '../runtime/transformer-runtime.js';
import type { LoadOptions } from './load-options.js';
import { loadLinear, loadRankHead } from './load-rank-head.js';
import { loadWeights } from './load-weights.js';
import { planTransformer, type PlannedTransformer } from './plan-transformer.js';

/**
 * Loads a model for inference. The file is checked first (architecture, keys, tensors) and its memory planned, then memory is made, then
 * weights are read straight into it. The model's file may be closed afterwards.
 * @throws StarlingError `unsupported_model`, `invalid_model_file`, `out_of_memory`, `invalid_argument`, and what `onPlan` throws
 */
export async function loadTransformer(model: GgufModel, options: LoadOptions = {}): Promise<ModelRuntime> {
  const planned = await planTransformer(model, options);
  options.onPlan?.(planned.memory);
  const { resolved, spec, graph, rows, table, layout, headRows } = planned;
  const isShared = resolved.workers !== undefined;
  const memories = layout.memories.map((bytes) => ComputeMemory.create(bytes, isShared));
  const programs = [
    ...programNames.map((name) => layout.programs[name]),
    ...layout.loading.flatMap(({ packers }) => [...packers.values()]),
  ];
  for (const { phases, structure, descriptors } of programs)
    writeProgram(phases, table, memories, structure, descriptors);
  const build = resolved.deterministic ? PLAIN_BUILD : (resolved.compiler?.build ?? fastestBuild());
  const modules = await compileModules(graph, table, build, isShared, resolved.compiler);
  const team = new ComputeTeam({
    memories,
    modules,
    kernels: table.kernels,
    scratch: layout.scratch,
    workers: resolved.workers,
    stallMs: resolved.watchdogMs,
    turns: resolved.turns,
  });
  try {
    const rankHead = spec.rankHead && (await loadRankHead(model, spec.rankHead));
    const poolMaps = await Promise.all((spec.poolMaps ?? []).map((map) => loadLinear(model, map)));
    await loadWeights(model, { graph, memories, loading: layout.loading, team }, resolved.onProgress);
    const info = infoOf(model, planned, nameOf(build));
    const writer = new StepWriter(memories, graph.step, info, graph.tileTokens);
    const runtime = new TransformerRuntime({
      info,
      team,
      memories,
      layout,
      rows,
      headRows,
      kvRegions: graph.kvRegions,
      stateRegions: graph.stateRegions,
      rankHead,
      poolMaps,
      writer,
      observed: options.inputSums && { sums: options.inputSums, at: graph.observations },
    });
    await runtime.warmUp();
    options.inputSums?.clear();
    return runtime;
  } catch (error) {
    await team.close();
    throw error;
  }
}

/** Builds and compiles just the kernels that the model uses. */
async function compileModules(
  graph: Graph,
  table: KernelTable,
  build: KernelBuild,
  isShared: boolean,
  compiler: LoadOptions['compiler'],
): Promise<NamedModules> {
  const compile = (bytes: BufferSource): Promise<WebAssembly.Module> =>
    compiler ? compiler.compile(bytes, build) : WebAssembly.compile(bytes);
  const formats = graph.matrices.map(({ format }) => format.name);
  const [ops, matmul] = await Promise.all([
    compile(buildOpsModule(table.sources.values(), build, isShared)),
    compile(buildMatmulModule(formats, build, isShared)),
  ]);
  return { [opsModuleName]: ops, [matmulModuleName]: matmul };
}

const nameOf = ({ dot, relaxed, wide }: KernelBuild): string =>
  [dot, ...(relaxed ? ['relaxed'] : []), ...(wide ? ['wide'] : [])].join(' ');

function infoOf(
  model: GgufModel,
  { memory, resolved, spec, graph, unused, adapters }: PlannedTransformer,
  kernelBuild: string,
): ModelInfo {
  const { maxBatchTokens, maxSequences, threads } = resolved;
  const { parameterCount, commonestType } = weightFacts(model);
  return {
    ...memory,
    architecture: model.architecture!,
    name: model.string('general.name'),
    trainedContextLength: spec.trainedContextLength,
    vocabSize: spec.vocabSize,
    layerCount: spec.layers.length,
    embeddingLength: spec.embeddingLength,
    parameterCount,
    maxBatchTokens,
    maxSequences,
    threads,
    kernelBuild,
    quantization: commonestType,
    unused,
    hasRecurrentState: graph.stateRegions.length > 0,
    causal: spec.causal,
    decoderStart: spec.encoder?.decoderStart,
    pooling: spec.pooling,
    ranks: spec.rankHead !== undefined,
    rankTemplate: spec.rankHead?.template,
    hasLogits: spec.output.head !== undefined,
    adapters: adapters?.adapters.map(adapterInfo) ?? [],
  };
}
