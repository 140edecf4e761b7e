import { checkedSum } from '@starling/core';
import { KernelTable } from '@starling/kernels';
import type { GgufModel, TensorInfo } from '@starling/gguf';
import type { AdapterSet } from '../adapters/adapter-set.js';
import { loadAdapters } from '../adapters/load-adapters.js';
import type { Architecture } from '../architecture/architecture.js';
import { checkFileUse } from '../architecture/file-use.js';
import { ModelReader } from '../architecture/model-reader.js';
import type { ModelSpec } from '../architecture/model-spec.js';
import { architectureNamed } from '../architecture/registry.js';
import { Graph } from '../graph/graph.js';
import { buildModel } from '../graph/layers.js';
import { layOut, type ModelLayout } from '../graph/layout.js';
import { windowsOf, type Windows } from '../graph/windows.js';
import type { MemoryPlan, UnusedTensors } from '../runtime/model-runtime.js';
import { contextLengthOf } from './context-length.js';
import { affordableContext, kvTypeOf, pageBytesOf, pageCountOf, windowPageCountOf } from './kv-size.js';
import { resolveOptions, type LoadOptions, type ResolvedOptions } from './load-options.js';
import { conversionsOf, weightFormatOf } from './weight-format.js';

/** Tokens of a text of a model that sees it whole, unless more are asked for. */
const defaultTextLimit = 2048;

/** All that is known of a model before memory is made for it: what is computed, and where everything will lie. */
export interface PlannedTransformer {
  readonly resolved: ResolvedOptions;
  readonly spec: ModelSpec;
  readonly graph: Graph;
  readonly rows: ReturnType<typeof buildModel>;
  readonly table: KernelTable;
  readonly layout: ModelLayout;
  /** Rows of logits made at a time. */
  readonly headRows: number;
  readonly adapters: AdapterSet | undefined;
  readonly unused: readonly UnusedTensors[];
  readonly memory: MemoryPlan;
}

/**
 * What a model will take, to the byte, from the header of its file: nothing is allocated, and of the file only adapters are read. Loading
 * with the same options makes exactly this.
 * @throws StarlingError as `loadTransformer` does for a file or options that it refuses
 */
export async function planMemory(model: GgufModel, options: LoadOptions = {}): Promise<MemoryPlan> {
  return (await planTransformer(model, options)).memory;
}

/** Checks a file (architecture, keys, tensors), records what is computed, and lays it out. @throws StarlingError as `loadTransformer` does */
export async function planTransformer(model: GgufModel, options: LoadOptions): Promise<PlannedTransformer> {
  const asked = resolveOptions({ ...options, kvType: kvTypeOf(model, options.kvType) });
  const architecture = architectureNamed(model.architecture, model.name);
  const adapters = await loadAdapters(options.adapters ?? [], architecture.name);
  const wanted = { architecture, options, resolved: asked, adapters };
  let recorded = recordAffordable(model, wanted);
  const { contextLength, maxBatchTokens, windows } = recorded;
  const resolved = { ...asked, maxBatchTokens };
  const pageCount = pageCountOf(recorded.graph, options, resolved, contextLength, windows);
  const windowPageCount = windows && windowPageCountOf(windows.window, pageCount, resolved);
  // Where windows need no less than everything, a page is one of all layers.
  if (windows && windowPageCount === undefined)
    recorded = record(model, { ...wanted, options: { ...options, slidingWindows: false } }, contextLength);
  const { spec, graph, rows, unused } = recorded;
  const table = new KernelTable();
  const headRows = Math.min(maxBatchTokens, Math.max(resolved.maxSequences, 16));
  const layout = layOut(graph, table, {
    pageCount,
    windowPageCount: windowPageCount ?? 0,
    headRows,
    memoryBytes: resolved.memoryBytes,
  });
  const { kvType, pageTokens } = resolved;
  const headBytes = bytesOfHeads(spec);
  const memory: MemoryPlan = {
    contextLength,
    kvType,
    pageTokens,
    pageCount,
    pageBytes: pageBytesOf(graph),
    windowed:
      windows && windowPageCount !== undefined
        ? { window: windows.window, pageCount: windowPageCount, pageBytes: pageBytesOf(graph, true) }
        : undefined,
    weightBytes: layout.weightBytes + headBytes,
    kvBytes: layout.kvBytes,
    scratchBytes: layout.scratchBytes,
    totalBytes: checkedSum([...layout.memories, headBytes], { code: 'out_of_memory', what: 'the memory of the model' }),
    memoryCount: layout.memories.length,
    conversions: conversionsOf(graph.matrices),
  };
  return { resolved, spec, graph, rows, table, layout, headRows, adapters, unused, memory };
}

interface Wanted {
  readonly architecture: Architecture;
  readonly options: LoadOptions;
  readonly resolved: ResolvedOptions;
  readonly adapters: AdapterSet | undefined;
}

interface Recorded extends Pick<PlannedTransformer, 'spec' | 'graph' | 'rows' | 'unused'> {
  readonly contextLength: number;
  readonly maxBatchTokens: number;
  /** Of layers that were given pages of their own. */
  readonly windows: Windows | undefined;
}

/** What a model computes, in the context that is asked for, else in one whose pages can be afforded. */
function recordAffordable(model: GgufModel, wanted: Wanted): Recorded {
  const longest = contextLengthOf(model, wanted.architecture, wanted.options.contextLength);
  const recorded = record(model, wanted, longest);
  if (wanted.options.contextLength !== undefined) return recorded;
  // What a page takes is known once the layers are, and does not depend on the context.
  const affordable = affordableContext(recorded.graph, wanted.resolved, recorded.windows);
  return affordable < longest ? record(model, wanted, affordable) : recorded;
}

function record(
  model: GgufModel,
  { architecture, options, resolved, adapters }: Wanted,
  contextLength: number,
): Recorded {
  const reader = new ModelReader(model, architecture.name, contextLength, options.part);
  const spec = architecture.read(reader);
  const maxBatchTokens =
    options.maxBatchTokens ?? (spec.causal ? resolved.maxBatchTokens : Math.min(contextLength, defaultTextLimit));
  const windows = options.slidingWindows ? windowsOf(spec) : undefined;
  const graph = new Graph({
    ...resolved,
    maxBatchTokens,
    windowed: windows?.owners,
    hasTypes: (spec.embedding.types?.rowCount ?? 0) > 1,
    adapters,
    contextLength,
    kvFormat: resolved.kvType,
    causal: spec.causal,
    formatOf: weightFormatOf,
    observed: options.inputSums !== undefined,
  });
  const rows = buildModel(graph, spec);
  adapters?.checkAllAsked();
  return {
    spec,
    graph,
    rows,
    contextLength,
    maxBatchTokens,
    windows,
    // A head is a part of a file that was checked with the model.
    unused: reader.part === 'nextn' ? [] : checkFileUse(model, reader, usedTensors(graph, spec), spec.layers.length),
  };
}

/** The tensors that parts of the model consume. */
const usedTensors = ({ tensors }: Graph, spec: ModelSpec): Set<TensorInfo> =>
  new Set([...tensors, ...headTensors(spec)]);

/** Tensors of heads that score or map pooled rows: they are small, and kept as plain floats beside the memories of the kernels. */
function headTensors({ rankHead, poolMaps = [] }: ModelSpec): TensorInfo[] {
  const linear = [rankHead?.dense, rankHead?.output, ...poolMaps].flatMap((map) => (map ? [map.weight, map.bias] : []));
  return [...linear, rankHead?.norm?.weight, rankHead?.norm?.bias].filter((tensor) => tensor !== undefined);
}

const bytesOfHeads = (spec: ModelSpec): number =>
  headTensors(spec).reduce((sum, { rowLength, rowCount }) => sum + 4 * rowLength * rowCount, 0);
