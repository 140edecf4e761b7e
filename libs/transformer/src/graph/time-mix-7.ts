import type { KernelCall, Placed } from '@starling/kernels';
import { addMatchedGroups, addRows, multiplyRows, wkv7Scan } from '@starling/kernels/internal';
import type { MapSpec } from '../architecture/block-spec.js';
import type { TimeMix7Spec } from '../architecture/rwkv-spec.js';
import { applyCall } from './activation.js';
import type { Graph } from './graph.js';
import { lerpCall, lerpVector, tokenDifference } from './lerp.js';
import { convertFor, linearMaps, matrixOf } from './linear.js';
import { firstOf, maps, type MapProduct } from './map.js';
import { normCall } from './norm.js';
import type { Rows } from './rows.js';
import { copied, headChunk, multiplyAdd, scanOperands, type ScanRows } from './time-mix.js';
import { unitLength } from './unit-length.js';

/** Decays are not below e^-e^(-1/2). */
const largestRate = 0.606531;
/** Of the square of a length, far below what a key has. */
const smallestSquare = 1e-24;
/** What the values of the first layer are called among the rows that are kept. */
const firstValues = 'values of the first layer';

/** RWKV-7: rows between a token's and that of the one before; a recurrence that replaces what the state has under a key; norm, bonus, gate, output. */
export function timeMix7Block(graph: Graph, spec: TimeMix7Spec, input: Rows, output: Rows): void {
  const { heads, headLength } = spec;
  const { receptances, decays, keys, values, rates, gate } = project(graph, spec, input);
  mixValues(graph, spec, values);
  const removal = graph.rows('time mix removal', keys.columns);
  const change = graph.rows('time mix change', keys.columns);
  graph.perRow(
    'tokens',
    applyCall('sigmoid', decays),
    copied(decays, decays, -largestRate),
    applyCall('exp', decays),
    applyCall('sigmoid', rates),
    copied(keys, removal),
    multiplied(removal, graph.tensor(spec.removalScale), 0),
    // Keys times 1 + (rate - 1) * scale.
    copied(keys, change),
    multiplied(change, graph.tensor(spec.keyScale), 0),
    multiplyAdd(keys, change, rates),
    added(keys, change, -1),
  );
  graph.parallel({
    per: 'tokens',
    factor: heads,
    chunk: headChunk,
    calls: [unitLength(graph, removal, { heads, length: headLength, epsilon: smallestSquare, factor: 1 })],
  });
  // From here on what is put in place of what is removed.
  graph.perRow('tokens', multiplied(rates, removal.at, removal.stride));

  const result = graph.rows('time mix result', heads * headLength);
  const scan = wkv7Scan.call({
    ...scanOperands(graph, spec, { decays, receptances, keys, values }, result),
    removal: removal.at,
    removalStride: removal.stride,
    replacement: rates.at,
    replacementStride: rates.stride,
  });
  graph.parallel({ per: 'sequences', factor: heads, chunk: 1, calls: [scan] });
  const groups = { groups: heads, columns: headLength };
  const bonus = addMatchedGroups.call({
    target: result.at,
    targetStride: result.stride,
    source: values.at,
    sourceStride: values.stride,
    a: keys.at,
    aStride: keys.stride,
    b: receptances.at,
    bStride: receptances.stride,
    weight: graph.tensor(spec.bonus),
    ...groups,
  });
  graph.parallel({
    per: 'tokens',
    factor: heads,
    chunk: headChunk,
    calls: [...(spec.innerNorm ? [normCall(graph, spec.innerNorm, result, result, groups)] : []), bonus],
  });
  graph.perRow(
    'tokens',
    ...(gate ? [multiplied(result, gate.at, gate.stride)] : []),
    ...convertFor(graph, result, [matrixOf(graph, spec.output)]),
  );
  linearMaps(graph, result, [spec.output, output]);
}

interface Projected extends ScanRows {
  readonly rates: Rows;
  readonly gate?: Rows;
}

/** What is made from the rows between each token's and that of the one before; values in part from those of the first layer. */
function project(graph: Graph, spec: TimeMix7Spec, input: Rows): Projected {
  const width = input.columns;
  const length = spec.heads * spec.headLength;
  const difference = tokenDifference(graph, input);
  const rows = (name: string): Rows => graph.rows(`time mix ${name}`, length);
  const all = {
    receptances: rows('receptances'),
    decays: rows('decays'),
    keys: rows('keys'),
    values: rows('values'),
    rates: rows('rates'),
  };
  const gate = spec.gate && rows('gate');
  const inputs = spec.lerps.map((_, i) => graph.rows(`time mix input ${i}`, width));
  const products: MapProduct[] = [
    [{ last: spec.receptance }, inputs[0], all.receptances],
    [spec.decay, inputs[1], all.decays],
    [{ last: spec.key }, inputs[2], all.keys],
    [{ last: spec.value }, inputs[3], all.values],
    [spec.rate, inputs[4], all.rates],
    ...(spec.gate && gate ? [[spec.gate, inputs[5], gate] as MapProduct] : []),
    ...(spec.valueMix ? [[spec.valueMix, inputs[3], mixRows(graph, length)] as MapProduct] : []),
  ];
  graph.perRow(
    'tokens',
    ...spec.lerps.map((lerp, i) => lerpCall(input, difference, lerpVector(graph, lerp, width), inputs[i])),
  );
  const mapsOf = (from: Rows): MapSpec[] => products.filter(([, read]) => read === from).map(([map]) => map);
  graph.perRow(
    'tokens',
    ...inputs.flatMap((from) =>
      convertFor(
        graph,
        from,
        mapsOf(from).map((map) => matrixOf(graph, firstOf(map))),
      ),
    ),
  );
  maps(graph, ...products);
  return { ...all, gate };
}

const mixRows = (graph: Graph, length: number): Rows => graph.rows('time mix value mix', length);

/** Keeps the values of the first layer, and brings those of the others towards them. */
function mixValues(graph: Graph, { valueMix }: TimeMix7Spec, values: Rows): void {
  if (!valueMix) {
    const kept = graph.rows(firstValues, values.columns);
    graph.perRow('tokens', copied(values, kept));
    graph.kept.set(firstValues, kept);
    return;
  }
  const distance = graph.rows('time mix value distance', values.columns);
  const mix = mixRows(graph, values.columns);
  graph.perRow(
    'tokens',
    applyCall('sigmoid', mix),
    copied(graph.kept.get(firstValues)!, distance),
    added(distance, values, -1),
    multiplyAdd(values, distance, mix),
  );
}

/** rows *= source, where a stride of 0 is one vector for all. */
const multiplied = (rows: Rows, source: Placed, sourceStride: number): KernelCall =>
  multiplyRows.call({ target: rows.at, targetStride: rows.stride, source, sourceStride, bytes: 4 * rows.columns });
/** rows += other * scale. */
const added = (rows: Rows, other: Rows, scale: number): KernelCall =>
  addRows.call({
    target: rows.at,
    targetStride: rows.stride,
    source: other.at,
    sourceStride: other.stride,
    bytes: 4 * rows.columns,
    scale,
  });
