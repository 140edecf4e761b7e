import {
  buildMatmulModule,
  buildOpsModule,
  ComputeMemory,
  ComputeTeam,
  fastestBuild,
  KernelTable,
  matmulModuleName,
  opsModuleName,
  PLAIN_BUILD,
  writeProgram,
  type NamedModules,
} from '@starling/kernels';
import type { GgufModel } from '@starling/gguf';
import { ModelReader } from '../architecture/model-reader.js';
import type { ModelSpec } from '../architecture/model-spec.js';
import { architectureNamed } from '../architecture/registry.js';
import { Graph } from '../graph/graph.js';
import { buildModel } from '../graph/layers.js';
import { layOut, programNames, type ModelLayout } from '../graph/layout.js';
import type { ModelInfo, ModelRuntime, WeightConversion } from '../runtime/model-runtime.js';
import { StepWriter } from '../runtime/step-writer.js';
import { TransformerRuntime } from '../runtime/transformer-runtime.js';
import { resolveOptions, type LoadOptions, type ResolvedOptions } from './load-options.js';
import { loadRankHead } from './load-rank-head.js';
import { loadWeights } from './load-weights.js';
import { conversionsOf, weightFormatOf } from './weight-format.js';

const defaultContextLimit = 8192;
const defaultKvBytes = 2 ** 30;

/**
 * Loads a model for inference. The file is checked first (architecture, keys, tensors), then memory is made, then weights are read
 * straight into it. The model's file may be closed afterwards.
 * @throws StarlingError `unsupported_model`, `invalid_model_file`, `out_of_memory`, `invalid_argument`
 */
export async function loadTransformer(model: GgufModel, options: LoadOptions = {}): Promise<ModelRuntime> {
  const resolved = resolveOptions(options);
  const architecture = architectureNamed(model.architecture, model.name);
  const trained = model.number(`${architecture.name}.context_length`);
  const contextLength = options.contextLength ?? Math.min(trained ?? defaultContextLimit, defaultContextLimit);
  const spec = architecture.read(new ModelReader(model, architecture.name, contextLength));

  const graph = new Graph({ ...resolved, contextLength, kvFormat: resolved.kvType, causal: spec.causal, formatOf: weightFormatOf });
  const rows = buildModel(graph, spec);
  const table = new KernelTable();
  const pageBytes = pageBytesOf(graph);
  const pageCount = pageCountOf(pageBytes, options, resolved, contextLength);
  const headRows = Math.min(resolved.maxBatchTokens, Math.max(resolved.maxSequences, 16));
  const layout = layOut(graph, table, { pageCount, headRows, memoryBytes: resolved.memoryBytes });

  const memories = layout.memories.map((bytes) => ComputeMemory.create(bytes));
  const programs = [...programNames.map((name) => layout.programs[name]), ...layout.loading.flatMap(({ packers }) => [...packers.values()])];
  for (const { phases, structure, descriptors } of programs) writeProgram(phases, table, memories, structure, descriptors);
  const modules = await compileModules(graph, table, resolved);
  const team = new ComputeTeam({ memories, modules, kernels: table.kernels, scratch: layout.scratch, workers: resolved.workers });
  try {
    const rankHead = spec.rankHead && (await loadRankHead(model, spec.rankHead));
    await loadWeights(model, { graph, memories, loading: layout.loading, team }, resolved.onProgress);
    const info = infoOf(model, spec, { ...resolved, contextLength, pageCount, pageBytes, hasRecurrentState: graph.stateRegions.length > 0, layout, conversions: conversionsOf(graph.matrices) });
    const writer = new StepWriter(memories, graph.step, info, graph.tileTokens);
    const runtime = new TransformerRuntime({ info, team, memories, layout, rows, headRows, kvRegions: graph.kvRegions, rankHead, writer });
    await runtime.warmUp();
    return runtime;
  } catch (error) {
    await team.close();
    throw error;
  }
}

/** Builds and compiles just the kernels that the model uses. */
async function compileModules(graph: Graph, table: KernelTable, { deterministic, compiler }: LoadOptions): Promise<NamedModules> {
  const build = deterministic ? PLAIN_BUILD : (compiler?.build ?? fastestBuild());
  const compile = (bytes: BufferSource): Promise<WebAssembly.Module> => (compiler ? compiler.compile(bytes, build) : WebAssembly.compile(bytes));
  const formats = graph.matrices.map(({ format }) => format.name);
  const [ops, matmul] = await Promise.all([
    compile(buildOpsModule(table.sources.values(), build)),
    compile(buildMatmulModule(formats, build)),
  ]);
  return { [opsModuleName]: ops, [matmulModuleName]: matmul };
}

/** Bytes of a page over all layers. */
const pageBytesOf = (graph: Graph): number => graph.kvRegions.reduce((sum, { pageBytes }) => sum + pageBytes, 0);

function pageCountOf(pageBytes: number, options: LoadOptions, resolved: ResolvedOptions, contextLength: number): number {
  if (options.pageCount !== undefined) return options.pageCount;
  if (options.kvTokens !== undefined) return Math.ceil(options.kvTokens / resolved.pageTokens);
  const oneContext = Math.ceil(contextLength / resolved.pageTokens);
  const affordable = Math.floor(defaultKvBytes / Math.max(1, pageBytes));
  return Math.max(oneContext, Math.min(oneContext * resolved.maxSequences, affordable));
}

interface LoadedFacts extends ResolvedOptions {
  readonly contextLength: number;
  readonly pageCount: number;
  readonly pageBytes: number;
  readonly hasRecurrentState: boolean;
  readonly layout: ModelLayout;
  readonly conversions: readonly WeightConversion[];
}

function infoOf(model: GgufModel, spec: ModelSpec, facts: LoadedFacts): ModelInfo {
  const { contextLength, pageTokens, pageCount, pageBytes, hasRecurrentState, kvType, maxBatchTokens, maxSequences, threads, layout } = facts;
  return {
    architecture: model.architecture!,
    name: model.string('general.name'),
    contextLength,
    trainedContextLength: spec.trainedContextLength,
    vocabSize: spec.vocabSize,
    layerCount: spec.layers.length,
    embeddingLength: spec.embeddingLength,
    parameterCount: [...model.tensors.values()].reduce((sum, { rowLength, rowCount }) => sum + rowLength * rowCount, 0),
    pageTokens,
    pageCount,
    pageBytes,
    kvType,
    maxBatchTokens,
    maxSequences,
    threads,
    weightBytes: layout.weightBytes,
    kvBytes: layout.kvBytes,
    scratchBytes: layout.scratchBytes,
    memoryCount: layout.memories.length,
    quantization: commonestType(model),
    conversions: facts.conversions,
    hasRecurrentState,
    causal: spec.causal,
    pooling: spec.pooling,
    hasLogits: spec.output.head !== undefined,
  };
}

/** The type that holds most of the file's bytes. */
function commonestType(model: GgufModel): string {
  const bytes = new Map<string, number>();
  for (const { type, byteLength } of model.tensors.values()) bytes.set(type.name, (bytes.get(type.name) ?? 0) + byteLength);
  return [...bytes].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
}
