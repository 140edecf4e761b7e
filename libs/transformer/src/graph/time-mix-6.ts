import type { Task } from '@starling/kernels';
import { addBias, copyGroups, gatedActivations, gatedLinearScan, wkv6Scan } from '@starling/kernels/internal';
import type { TimeMix6Spec } from '../architecture/rwkv-spec.js';
import { applyCall } from './activation.js';
import type { Graph } from './graph.js';
import { lerpCall, lerpVector, tokenDifference } from './lerp.js';
import { convertedRows, convertFor, linearMaps, matrixOf } from './linear.js';
import { firstOf, maps } from './map.js';
import { normCall } from './norm.js';
import { offsetPlace } from './placement.js';
import { columnsOf, type Rows } from './rows.js';
import { copied, headChunk, multiplyAdd, scanOperands, type ScanRows } from './time-mix.js';

/** RWKV-6: rows between a token's and that of the one before, as the token asks; a recurrence over a state for each head; norm, gate, output. */
export function timeMix6Block(graph: Graph, spec: TimeMix6Spec, input: Rows, output: Rows): void {
  const { heads, headLength } = spec;
  const length = heads * headLength;
  const [decayInput, keyInput, valueInput, receptanceInput, gateInput] = shiftedInputs(graph, spec, input);
  const rows = (name: string, columns = length): Rows => graph.rows(`time mix ${name}`, columns);
  const [decays, keys, values, receptances, gate] = [
    rows('decays'),
    rows('keys', spec.key.rows),
    rows('values', spec.value.rows),
    rows('receptances'),
    rows('gate'),
  ];
  const converted: [Rows, TimeMix6Spec['key']][] = [
    [decayInput, firstOf(spec.decay)],
    [keyInput, spec.key],
    [valueInput, spec.value],
    [receptanceInput, spec.receptance],
    [gateInput, spec.gate],
  ];
  graph.perRow('tokens', ...converted.flatMap(([from, linear]) => convertFor(graph, from, [matrixOf(graph, linear)])));
  maps(
    graph,
    [spec.decay, decayInput, decays],
    [{ last: spec.key }, keyInput, keys],
    [{ last: spec.value }, valueInput, values],
    [{ last: spec.receptance }, receptanceInput, receptances],
    [{ last: spec.gate }, gateInput, gate],
  );
  // e^-e^x
  graph.perRow('tokens', applyCall('exp', decays), copied(decays, decays, -1), applyCall('exp', decays));
  const result = rows('result');
  scan(
    graph,
    spec,
    {
      decays,
      receptances,
      keys: perHead(graph, spec, keys, 'keys of heads'),
      values: perHead(graph, spec, values, 'values of heads'),
    },
    result,
  );
  if (spec.innerNorm)
    graph.parallel({
      per: 'tokens',
      factor: heads,
      chunk: headChunk,
      calls: [normCall(graph, spec.innerNorm, result, result, { groups: heads, columns: headLength })],
    });
  const rowBytes = 4 * length;
  const gated = {
    input: gate.at,
    inputStride: gate.stride,
    up: result.at,
    upStride: result.stride,
    output: result.at,
    outputStride: result.stride,
    rowBytes,
    blockBytes: rowBytes,
    blocks: 1,
  };
  graph.perRow(
    'tokens',
    gatedActivations[spec.gateActivation].call(gated),
    ...convertFor(graph, result, [matrixOf(graph, spec.output)]),
  );
  linearMaps(graph, result, [spec.output, output]);
}

/** Rows for decays, keys, values, receptances and gates. */
function shiftedInputs(graph: Graph, { baseLerp, shifts, lerps }: TimeMix6Spec, input: Rows): Rows[] {
  const width = input.columns;
  const difference = tokenDifference(graph, input);
  const base = graph.rows('time mix base', width);
  graph.perRow(
    'tokens',
    lerpCall(input, difference, lerpVector(graph, baseLerp, width), base),
    ...convertFor(graph, base, [matrixOf(graph, shifts.first)]),
  );
  const short = graph.rows('time mix short', shifts.first.rows);
  linearMaps(graph, base, [shifts.first, short]);
  const { rows, columns, count, weight } = shifts.last;
  const matrix = graph.matrix(weight, rows, columns, { count });
  const parts = lerps.map((_, i) => graph.rows(`time mix part ${i}`, columns));
  const shifted = lerps.map((_, i) => graph.rows(`time mix input ${i}`, width));
  graph.perRow(
    'tokens',
    applyCall('tanh', short),
    ...parts.flatMap((part, i) => [
      copied(columnsOf(short, i * columns, columns), part),
      ...convertFor(graph, part, [matrix]),
    ]),
  );
  const { format, place } = matrix;
  graph.needScratch(format.scratchBytes(columns));
  const task = (part: Rows, i: number): Task => {
    const source = format.activation ? convertedRows(graph, part, format.activation) : part;
    const call = format.multiply({
      weights: offsetPlace(place, i * format.bytes(rows, columns)),
      input: source.at,
      inputStride: source.stride,
      output: shifted[i].at,
      outputStride: shifted[i].stride,
      columns,
      tokens: graph.step.part('tokens'),
    });
    const { threads } = graph.options;
    return {
      per: 'one',
      factor: rows,
      chunk: format.rowChunk(rows, columns, threads),
      batchChunk: format.batchRowChunk(rows, threads),
      calls: [call],
    };
  };
  graph.parallel(...parts.map(task));
  const bytes = 4 * width;
  graph.perRow(
    'tokens',
    ...shifted.flatMap((to, i) => [
      addBias.call({
        target: to.at,
        tokenStride: to.stride,
        groups: 1,
        bias: lerpVector(graph, lerps[i], width),
        bytes,
      }),
      lerpCall(input, difference, to, to),
    ]),
  );
  return shifted;
}

/** A row for each head, where several share keys and values. */
function perHead(graph: Graph, { heads, kvHeads, headLength }: TimeMix6Spec, rows: Rows, name: string): Rows {
  if (kvHeads === heads) return rows;
  const share = heads / kvHeads;
  const bytes = 4 * headLength;
  const all = graph.rows(`time mix ${name}`, heads * headLength);
  const calls = Array.from({ length: share }, (_, i) =>
    copyGroups.call({
      source: rows.at,
      sourceTokenStride: rows.stride,
      sourceGroupStride: bytes,
      target: columnsOf(all, i * headLength, headLength).at,
      targetTokenStride: all.stride,
      targetGroupStride: share * bytes,
      groups: kvHeads,
      bytes,
    }),
  );
  graph.parallel({ per: 'tokens', factor: kvHeads, chunk: headChunk, calls });
  return all;
}

function scan(graph: Graph, spec: TimeMix6Spec, rows: ScanRows, result: Rows): void {
  const { heads, headLength, bonus } = spec;
  const { decays, keys } = rows;
  const operands = scanOperands(graph, spec, rows, result);
  if (!bonus) {
    // Keys times 1 - decay.
    const kept = graph.rows('time mix kept', keys.columns);
    graph.perRow('tokens', copied(decays, kept, -1), multiplyAdd(keys, keys, kept));
  }
  const call = bonus
    ? wkv6Scan.call({ ...operands, bonus: graph.tensor(bonus) })
    : gatedLinearScan.call({ ...operands, scale: 1 / Math.sqrt(headLength) });
  graph.parallel({ per: 'sequences', factor: heads, chunk: 1, calls: [call] });
}
