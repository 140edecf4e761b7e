import { DEAD, Dfa, REJECT } from './dfa.js';
import { spendWork } from './spend-work.js';

/** Cells looked at to merge equal states; a long chain of states would take a pass for each of them, and has none that are equal. */
const MERGE_WORK = 400_000;

/** The same language with only states that matter: reachable, able to accept, and (unless that takes long) no two alike. */
export function reduce(dfa: Dfa): Dfa {
  return mergeClasses(mergeStates(mergeClasses(renumber(dfa, liveStates(dfa)))));
}

/** The same language with only states that matter; states that are alike may remain, which is cheaper where it does not matter. */
export function trim(dfa: Dfa): Dfa {
  return mergeClasses(renumber(dfa, liveStates(dfa)));
}

/** (states) 1 for each state from which a label can be reached. */
export function liveStates(dfa: Dfa): Uint8Array {
  if (dfa.isTrim) return new Uint8Array(dfa.size).fill(1, 1);
  const { sources, offsets } = reverseMoves(dfa);
  const live = new Uint8Array(dfa.size);
  const queue: number[] = [];
  for (let state = 1; state < dfa.size; state++) {
    if (dfa.labels[state] !== REJECT) {
      live[state] = 1;
      queue.push(state);
    }
  }
  while (queue.length > 0) {
    const state = queue.pop()!;
    for (let i = offsets[state]; i < offsets[state + 1]; i++) {
      if (live[sources[i]] === 0 && sources[i] !== DEAD) {
        live[sources[i]] = 1;
        queue.push(sources[i]);
      }
    }
  }
  return live;
}

/** All moves by their target: those into state `s` come from `sources[offsets[s]]` to `sources[offsets[s + 1] - 1]`. */
export function reverseMoves(dfa: Dfa): { sources: Int32Array; offsets: Int32Array } {
  const offsets = new Int32Array(dfa.size + 1);
  for (const to of dfa.table) offsets[to + 1]++;
  for (let i = 0; i < dfa.size; i++) offsets[i + 1] += offsets[i];
  const sources = new Int32Array(dfa.table.length);
  const fill = offsets.slice();
  for (let i = 0; i < dfa.table.length; i++) sources[fill[dfa.table[i]]++] = Math.floor(i / dfa.classCount);
  return { sources, offsets };
}

/** Keeps the live states that the start reaches, numbered in the order they are met. */
function renumber(dfa: Dfa, live: Uint8Array): Dfa {
  const width = dfa.classCount;
  const ids = new Int32Array(dfa.size);
  const order = [DEAD];
  const meet = (state: number): number => {
    if (state === DEAD || live[state] === 0) return DEAD;
    if (ids[state] === 0) ids[state] = order.push(state) - 1;
    return ids[state];
  };
  const start = meet(dfa.start);
  const rows: Int32Array[] = [new Int32Array(width)];
  for (let i = 1; i < order.length; i++) {
    const row = new Int32Array(width);
    for (let c = 0; c < width; c++) row[c] = meet(dfa.table[order[i] * width + c]);
    rows.push(row);
  }
  const table = new Int32Array(rows.length * width);
  rows.forEach((row, state) => table.set(row, state * width));
  return new Dfa(
    dfa.classStarts,
    table,
    Int32Array.from(order, (state) => dfa.labels[state]),
    start,
    true,
  );
}

/** Moore's partition refinement: states are alike while no text tells them apart. Gives the automaton back as it was if that takes too long. */
function mergeStates(dfa: Dfa): Dfa {
  const width = dfa.classCount;
  let { group, count } = initialGroups(dfa);
  for (let work = 0; ; work += dfa.table.length) {
    if (work > MERGE_WORK) return dfa;
    spendWork(dfa.table.length);
    const refined = refine(dfa, group);
    group = refined.group;
    if (refined.count === count) break;
    count = refined.count;
  }
  if (count === dfa.size) return dfa;
  const table = new Int32Array(count * width);
  const labels = new Int32Array(count);
  for (let state = 0; state < dfa.size; state++) {
    labels[group[state]] = dfa.labels[state];
    for (let c = 0; c < width; c++) table[group[state] * width + c] = group[dfa.table[state * width + c]];
  }
  return renumber(new Dfa(dfa.classStarts, table, labels, group[dfa.start]), new Uint8Array(count).fill(1));
}

/** (states) equal numbers for states that no text of up to `length` code points tells apart. */
export function groupStates(dfa: Dfa, length: number): Int32Array {
  let { group, count } = initialGroups(dfa);
  for (let i = 0; i < length; i++) {
    const refined = refine(dfa, group);
    group = refined.group;
    if (refined.count === count) break;
    count = refined.count;
  }
  return group;
}

function initialGroups(dfa: Dfa): { group: Int32Array; count: number } {
  const group = dfa.labels.slice();
  group[DEAD] = -1;
  return { group, count: new Set(group).size };
}

/** One pass: states stay together if they are in one group and all their moves lead to the same groups. */
function refine(dfa: Dfa, group: Int32Array): { group: Int32Array; count: number } {
  const { table, classCount: width } = dfa;
  const refined = new Int32Array(dfa.size);
  const buckets = new Map<number, number[]>();
  let count = 0;
  for (let state = 0; state < dfa.size; state++) {
    let hash = group[state] | 0;
    for (let c = state * width; c < (state + 1) * width; c++) hash = (Math.imul(hash, 31) + group[table[c]]) | 0;
    const bucket = buckets.get(hash);
    const alike = bucket?.find((other) => {
      if (group[other] !== group[state]) return false;
      for (let c = 0; c < width; c++)
        if (group[table[other * width + c]] !== group[table[state * width + c]]) return false;
      return true;
    });
    if (alike !== undefined) {
      refined[state] = refined[alike];
      continue;
    }
    refined[state] = count++;
    if (bucket) bucket.push(state);
    else buckets.set(hash, [state]);
  }
  return { group: refined, count };
}

/** Joins neighbouring classes that lead to the same states everywhere. */
function mergeClasses(dfa: Dfa): Dfa {
  const width = dfa.classCount;
  const keep: number[] = [];
  for (let c = 0; c < width; c++) {
    const before = keep.length > 0 ? c - 1 : undefined;
    let alike = before !== undefined;
    for (let state = 1; alike && state < dfa.size; state++)
      alike = dfa.table[state * width + c] === dfa.table[state * width + before!];
    if (!alike) keep.push(c);
  }
  if (keep.length === width) return dfa;
  const table = new Int32Array(dfa.size * keep.length);
  for (let state = 0; state < dfa.size; state++)
    keep.forEach((c, i) => (table[state * keep.length + i] = dfa.table[state * width + c]));
  return new Dfa(
    Int32Array.from(keep, (c) => dfa.classStarts[c]),
    table,
    dfa.labels,
    dfa.start,
    dfa.isTrim,
  );
}
