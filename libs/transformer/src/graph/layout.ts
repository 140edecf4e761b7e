import { alignUp, StarlingError } from '@starling/core';
import { MemoryLayout, type KernelTable, type Phase, type Task } from '@starling/kernels';
import { controlBytes, descriptorWords, structureWords, transferRows } from '@starling/kernels/internal';
import type { Graph, GraphPhase, KvRegion, Section } from './graph.js';
import { countOf } from './graph.js';
import type { Place, RangeHome } from './placement.js';
import type { RowKind } from './rows.js';
import { fileBytesOf } from './weights.js';

/** The programs of a model: all of a step, and its sections one by one. */
export const programNames = ['encoder', 'forward', 'body', 'head', 'hidden'] as const;
export type ProgramName = (typeof programNames)[number];

const sectionsOf: Record<ProgramName, readonly Section[]> = {
  encoder: ['encoder'],
  forward: ['body', 'head'],
  body: ['body'],
  head: ['head'],
  hidden: ['hidden'],
};

export interface LayoutOptions {
  readonly pageCount: number;
  /** Pages of windowed layers that have pages of their own. */
  readonly windowPageCount: number;
  /** Rows of logits made at a time. */
  readonly headRows: number;
  /** Bytes that a memory may have. */
  readonly memoryBytes: number;
}

/** Where everything is. */
export interface ModelLayout {
  /** Bytes of each memory, in whole pages of WebAssembly. */
  readonly memories: readonly number[];
  readonly programs: Readonly<Record<ProgramName, PlannedProgram>>;
  /** How weights get from the file to their places, by memory. */
  readonly loading: readonly LoadingPlan[];
  /** (threads, memories) */
  readonly scratch: readonly (readonly number[])[];
  /** Of all memories: weights, pages, and all else. */
  readonly weightBytes: number;
  readonly kvBytes: number;
  readonly scratchBytes: number;
}

export interface PlannedProgram {
  readonly phases: readonly Phase[];
  readonly structure: number;
  /** Address of the descriptors in each memory. */
  readonly descriptors: readonly number[];
}

/** Loading into one memory: the caller puts bytes of the file in a staging area, workers pack them. */
export interface LoadingPlan {
  /** Two areas, one of which is filled while the other is packed. */
  readonly staging: readonly [number, number];
  readonly stagingBytes: number;
  /** For each format: a program that packs rows, and where its one descriptor is. */
  readonly packers: ReadonlyMap<string, PlannedProgram>;
}

/** Bytes of the file that are read and packed at a time. */
const stagingLimit = 8 * 2 ** 20;

/** Rows that a worker packs at a time. */
const packChunk = 64;

/**
 * Cuts a recorded model into ranges of layers, one for each memory, and gives everything its address. All memories begin alike:
 * control block, step block, scratch, buffers; then come weights and pages of their own layers.
 */
export function layOut(graph: Graph, table: KernelTable, options: LayoutOptions): ModelLayout {
  const sharedBytes = planShared(graph, options).layout.byteLength;
  const memoryCount = assignMemories(graph, options, sharedBytes);
  const phases = phasesOf(graph, memoryCount);
  for (const name of programNames) table.add(phases[name]);
  const layouts = Array.from({ length: memoryCount }, () => planShared(graph, options));
  const [{ scratch, buffers }] = layouts;
  const programs = planPrograms(
    phases,
    layouts.map(({ layout }) => layout),
  );
  let weightBytes = 0;
  let kvBytes = 0;
  const place = (home: RangeHome, label: string, bytes: number, to: Place): void => {
    to.address = layouts[home.index].layout.reserve(label, bytes).address;
  };
  for (const { home, label, bytes, place: to } of graph.vectors) {
    place(home, label, bytes, to);
    weightBytes += bytes;
  }
  for (const region of graph.kvRegions) {
    place(region.home, 'pages', regionBytes(region, options), region.place);
    kvBytes += regionBytes(region, options);
  }
  for (const { home, slotBytes, place: to } of graph.stateRegions)
    place(home, 'state', slotBytes * graph.options.maxSequences, to);
  for (const { home, label, bytes, place: to } of graph.matrices) {
    place(home, label, bytes, to);
    weightBytes += bytes;
  }
  const loading = layouts.map(({ layout }, memory) =>
    planLoading(graph, table, memory, layout, { first: layouts[0].layout, buffers }),
  );
  const memories = layouts.map(({ layout }) => layout.memoryBytes);
  return {
    memories,
    programs,
    loading,
    scratch: scratch.map((address) => layouts.map(() => address)),
    weightBytes,
    kvBytes,
    scratchBytes: memories.reduce((sum, bytes) => sum + bytes, 0) - weightBytes - kvBytes,
  };
}

const regionBytes = ({ pageBytes, isWindowed }: KvRegion, { pageCount, windowPageCount }: LayoutOptions): number =>
  pageBytes * (isWindowed ? windowPageCount : pageCount);

/** What every memory begins with. */
interface SharedLayout {
  readonly layout: MemoryLayout;
  /** By thread. */
  readonly scratch: readonly number[];
  /** Rows of activations: nobody needs them before the weights are there. */
  readonly buffers: { readonly start: number; readonly end: number };
}

function planShared(graph: Graph, { headRows }: LayoutOptions): SharedLayout {
  const layout = new MemoryLayout();
  layout.reserve('control block', controlBytes);
  graph.step.place.address = layout.reserve('step block', 4 * graph.step.words).address;
  const scratch = Array.from(
    { length: graph.options.threads },
    (_, thread) => layout.reserve(`scratch ${thread}`, graph.scratchBytes, 4096).address,
  );
  const start = alignUp(layout.byteLength, 64);
  const rows: Record<RowKind, number> = {
    tokens: graph.options.maxBatchTokens,
    outputs: graph.options.maxBatchTokens,
    head: headRows,
  };
  for (const buffer of graph.buffers.values())
    buffer.place.address = layout.reserve(buffer.name, rows[buffer.kind] * buffer.rowBytes).address;
  const end = layout.byteLength;
  for (const { place, bytes } of graph.tables.values()) place.address = layout.reserve(place.label, bytes).address;
  return { layout, scratch, buffers: { start, end } };
}

/** Gives each home its memory, in order; gives the number of memories. */
function assignMemories(graph: Graph, options: LayoutOptions, sharedBytes: number): number {
  const slack = 2 ** 20;
  const bytes = new Map<RangeHome, number>(graph.homes.map((home) => [home, 0]));
  const add = (home: RangeHome, more: number): void => void bytes.set(home, bytes.get(home)! + more + 64);
  for (const { home, bytes: more } of [...graph.matrices, ...graph.vectors]) add(home, more);
  for (const region of graph.kvRegions) add(region.home, regionBytes(region, options));
  for (const { home, slotBytes } of graph.stateRegions) add(home, slotBytes * graph.options.maxSequences);
  const room = options.memoryBytes - sharedBytes - slack;
  let memory = 0;
  let used = 0;
  for (const home of graph.homes) {
    const needed = bytes.get(home)!;
    if (needed > room) {
      throw new StarlingError(
        'out_of_memory',
        `The ${home.label} of the model needs ${needed} bytes in one WebAssembly memory, where ${Math.max(0, room)} are left: lower the context, the number of pages or the batch.`,
        {
          details: { part: home.label, needed, room },
        },
      );
    }
    if (used + needed > room && used > 0) {
      memory++;
      used = 0;
    }
    used += needed;
    home.index = memory;
  }
  return memory + 1;
}

/** The phases of each program, with those that cross from memory to memory, and with the tables that each memory needs. */
function phasesOf(graph: Graph, memoryCount: number): Record<ProgramName, Phase[]> {
  const prologues = prologuesOf(graph);
  const sections = Object.fromEntries(
    Object.entries(graph.sections).map(([section, items]) => [
      section,
      items.flatMap((item): GraphPhase[] => {
        if (item.kind === 'phase') return [item.phase];
        const { from, to, rows } = item.seam;
        if (from.index === to.index) return [];
        const call = transferRows({
          fromMemory: from.index,
          source: rows.at,
          target: rows.at,
          stride: rows.stride,
          columns: rows.columns,
        });
        return [{ home: to, tasks: [{ per: countOf(rows.buffer.kind), factor: 1, chunk: 1, calls: [call] }] }];
      }),
    ]),
  ) as Record<Section, GraphPhase[]>;
  for (let memory = 0; memory < memoryCount; memory++) {
    const first = sections.body.find(({ home }) => home.index === memory);
    first?.tasks.push(...(prologues.get(memory) ?? []));
  }
  return forPrograms((name) => sectionsOf[name].flatMap((section): Phase[] => sections[section]));
}

function prologuesOf(graph: Graph): Map<number, Task[]> {
  const tasks = new Map<number, Task[]>();
  const known = new Set<string>();
  for (const { home, key, task } of graph.prologues) {
    const unique = `${home.index} ${key}`;
    if (known.has(unique)) continue;
    known.add(unique);
    graph.home = home;
    tasks.set(home.index, [...(tasks.get(home.index) ?? []), task()]);
  }
  return tasks;
}

function planPrograms(
  phases: Record<ProgramName, Phase[]>,
  layouts: readonly MemoryLayout[],
): Record<ProgramName, PlannedProgram> {
  return forPrograms((name) => ({
    phases: phases[name],
    structure: layouts[0].reserve(`program ${name}`, 4 * structureWords(phases[name])).address,
    descriptors: layouts.map(
      (layout, memory) => layout.reserve(`descriptors ${name}`, 4 * descriptorWords(phases[name], memory)).address,
    ),
  }));
}

function planLoading(
  graph: Graph,
  table: KernelTable,
  memory: number,
  layout: MemoryLayout,
  { first, buffers }: Pick<SharedLayout, 'buffers'> & { readonly first: MemoryLayout },
): LoadingPlan {
  const matrices = graph.matrices.filter(({ home }) => home.index === memory);
  const least = Math.max(0, ...matrices.map(({ format, columns }) => 4 * columns * format.rowGranularity));
  const largest = Math.max(least, ...matrices.map(fileBytesOf));
  // Rows of activations lie where they were staged, as far as there is room for that.
  const room = Math.floor((buffers.end - buffers.start) / 128) * 64;
  const stagingBytes = alignUp(Math.min(stagingLimit, largest, Math.max(room, least)), 64);
  const start = room >= stagingBytes ? buffers.start : layout.reserve('staging', 2 * stagingBytes).address;
  const packers = new Map<string, PlannedProgram>();
  for (const { format, home } of matrices) {
    if (packers.has(format.name)) continue;
    const call = format.pack({ source: 0, weights: 0, rowBegin: 0, columns: 0, fileRowBytes: 0 });
    const phases = [{ home, tasks: [{ per: 'rows' as const, factor: 1, chunk: packChunk, calls: [call] }] }];
    table.add(phases);
    const descriptors = Array.from({ length: memory + 1 }, () => 0);
    descriptors[memory] = layout.reserve(`descriptor pack ${format.name}`, 4 * descriptorWords(phases, memory)).address;
    packers.set(format.name, {
      phases,
      structure: first.reserve(`program pack ${format.name}`, 4 * structureWords(phases)).address,
      descriptors,
    });
  }
  return { staging: [start, start + stagingBytes], stagingBytes, packers };
}

function forPrograms<T>(make: (name: ProgramName) => T): Record<ProgramName, T> {
  return Object.fromEntries(programNames.map((name) => [name, make(name)])) as Record<ProgramName, T>;
}
