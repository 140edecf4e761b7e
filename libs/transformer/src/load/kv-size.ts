import type { GgufModel } from '@starling/gguf';
import type { Graph } from '../graph/graph.js';
import type { Windows } from '../graph/windows.js';
import type { KvType } from '../runtime/model-runtime.js';
import type { LoadOptions, ResolvedOptions } from './load-options.js';

/** What pages take together unless more is asked for. */
const defaultKvBytes = 2 ** 30;

/** A context as long as this is served unasked even where its pages take more. */
const leastContext = 4096;

/**
 * The format of keys and values: what is asked for, else F16, but F32 for a model whose weights are F32, so that what was kept at full
 * precision stays exact.
 */
export function kvTypeOf(model: GgufModel, asked: KvType | undefined): KvType {
  if (asked !== undefined) return asked;
  const bytes = { full: 0, all: 0 };
  for (const { type, byteLength } of model.tensors.values()) {
    bytes.all += byteLength;
    if (type.name === 'F32') bytes.full += byteLength;
  }
  return 2 * bytes.full > bytes.all ? 'F32' : 'F16';
}

/** Bytes of a page over all layers; where windowed layers have pages of their own, over those or over the others. */
export const pageBytesOf = ({ kvRegions }: Pick<Graph, 'kvRegions'>, ofWindows = false): number =>
  kvRegions.reduce((sum, { pageBytes, isWindowed }) => sum + (isWindowed === ofWindows ? pageBytes : 0), 0);

/** Of all pages, about this part of those of windowed layers is kept beyond what windows need: for prompts that begin where others did. */
const keptWindows = 4;

/**
 * Pages that windowed layers need: the windows of as many sequences as run at once, each with a step's tokens, of one that is brought back,
 * and some to be kept. Undefined if that is no less than all.
 */
export function windowPageCountOf(
  window: number,
  pageCount: number,
  { maxSequences, maxBatchTokens, pageTokens, windowPageCount }: ResolvedOptions,
): number | undefined {
  const least = windowPages(window, maxBatchTokens, pageTokens);
  const wanted =
    windowPageCount === undefined
      ? (maxSequences + 1) * least + Math.ceil(pageCount / keptWindows)
      : Math.max(windowPageCount, least);
  return wanted < pageCount ? wanted : undefined;
}

/** Pages that one sequence holds at most: those of its window, and of the tokens of a step. */
const windowPages = (window: number, maxBatchTokens: number, pageTokens: number): number =>
  Math.ceil((window + maxBatchTokens) / pageTokens) + 1;

/** The longest context whose pages do not take more than they should where nothing is asked for. */
export const affordableContext = (graph: Graph, resolved: ResolvedOptions, windows?: Windows): number =>
  Math.max(leastContext, affordablePages(graph, resolved, windows) * resolved.pageTokens);

/** Pages as they are asked for, else for one full context a sequence, as far as they can be afforded. */
export function pageCountOf(
  graph: Graph,
  options: LoadOptions,
  resolved: ResolvedOptions,
  contextLength: number,
  windows?: Windows,
): number {
  const { pageTokens, maxSequences } = resolved;
  if (options.pageCount !== undefined) return options.pageCount;
  if (options.kvTokens !== undefined) return Math.ceil(options.kvTokens / pageTokens);
  const oneContext = Math.ceil(contextLength / pageTokens);
  return Math.max(oneContext, Math.min(oneContext * maxSequences, affordablePages(graph, resolved, windows)));
}

/** Pages of all layers for what the KV cache takes unasked; as many more as those of windowed layers let. */
function affordablePages(
  graph: Graph,
  { maxSequences, maxBatchTokens, pageTokens }: ResolvedOptions,
  windows: Windows | undefined,
): number {
  const [shared, windowed] = [pageBytesOf(graph), pageBytesOf(graph, true)];
  const wholly = Math.floor(defaultKvBytes / Math.max(1, shared + windowed));
  if (windows === undefined) return wholly;
  const left = defaultKvBytes - (maxSequences + 1) * windowPages(windows.window, maxBatchTokens, pageTokens) * windowed;
  return Math.max(wholly, Math.floor(left / (shared + windowed / keptWindows)));
}
