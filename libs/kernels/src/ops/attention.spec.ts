import fc from 'fast-check';
import { enableRelaxedSimd } from '../simd/relaxed-simd.node.js';
import { attention, tileRecordWords, tileTokens } from './attention.js';
import type { AttentionShape } from './attention-shape.js';
import { attentionTwin } from './attention-twin.js';
import { kvPageBytes, type KvFormat } from './kv-layout.js';
import { kvWrite } from './kv-write.js';
import type { OpsBuild } from '../program/program.js';
import { OpsHarness, randomFloats } from './ops-harness.test-support.js';

enableRelaxedSimd();

interface Setting {
  readonly shape: AttentionShape;
  readonly tokens: number;
  readonly window: number;
  readonly build: OpsBuild;
}

const plain: OpsBuild = { relaxed: false, wide: false };
const relaxed: OpsBuild = { relaxed: true, wide: false };
/** Pairs of heads together, their vectors joined where the engine can. */
const wide: OpsBuild = { relaxed: true, wide: true };

const shapeOf = (
  format: KvFormat,
  rest: Partial<AttentionShape> & {
    heads?: number;
    keyLength?: number;
    valueLength?: number;
    pageTokens?: number;
  } = {},
): AttentionShape => ({
  kv: {
    format,
    pageTokens: rest.pageTokens ?? 16,
    heads: rest.heads ?? 2,
    keyLength: rest.keyLength ?? 20,
    valueLength: rest.valueLength ?? 36,
  },
  group: 3,
  parts: 1,
  causal: true,
  window: false,
  softcap: false,
  sinks: false,
  alibi: false,
  ...rest,
});

/** Writes keys and values of one sequence to scattered pages, then attends from its tokens (those that see any) cut into tiles of these lengths. */
function run(
  { shape, tokens, window, build }: Setting,
  tiles: (tokens: number) => number[],
): { output: Float32Array; expected: Float32Array } {
  const harness = new OpsHarness(build);
  const { kv, group } = shape;
  const heads = kv.heads * group;
  const [q, k, v] = [heads * kv.keyLength, kv.heads * kv.keyLength, kv.heads * kv.valueLength].map((width, i) =>
    randomFloats(tokens * width, i + 1),
  );
  const [sinks, slopes] = [randomFloats(heads, 8), randomFloats(heads, 9).map(Math.abs)];
  const reach = shape.relativeReach;
  const biases = reach === undefined ? undefined : randomFloats(heads * (2 * reach + 1), 10);
  const pageCount = Math.ceil(tokens / kv.pageTokens);
  const pageIds = Array.from({ length: pageCount }, (_, i) => (i * 5 + 2) % 11);
  const positions = Array.from({ length: tokens }, (_, i) => i);
  const pages = harness.place(11 * kvPageBytes(kv));
  const shared = { pages, pageStride: kvPageBytes(kv) };
  const positionsAt = harness.words(positions);
  harness.run(
    kvWrite(kv).call({
      key: harness.floats(k),
      keyTokenStride: 4 * kv.heads * kv.keyLength,
      value: harness.floats(v),
      valueTokenStride: 4 * kv.heads * kv.valueLength,
      heads: kv.heads,
      ...shared,
      tokenPages: harness.words(positions.map((i) => pageIds[Math.floor(i / kv.pageTokens)])),
      tokenOffsets: harness.words(positions.map((i) => i % kv.pageTokens)),
    }),
    0,
    tokens * kv.heads,
  );
  const lengths = tiles(tokens);
  const table = harness.words(pageIds);
  // What comes after the end sees nothing of what is before it.
  const from = shape.afterEnd ? window : 0;
  const records = new Int32Array(tileRecordWords * lengths.length);
  let begin = 0;
  lengths.forEach((length, i) => {
    records.set([begin, length, table, shape.afterEnd ? from : tokens], tileRecordWords * i);
    begin += length;
  });
  const outputWidth = heads * kv.valueLength;
  const output = harness.place(4 * tokens * outputWidth);
  const [scale, softcap] = [0.7, 1.5];
  harness.run(
    attention(shape).call({
      query: harness.floats(q),
      queryStride: 4 * heads * kv.keyLength,
      output,
      outputStride: 4 * outputWidth,
      ...shared,
      tiles: harness.words(records),
      positions: positionsAt,
      scale,
      softcap,
      window,
      sinks: harness.floats(sinks),
      slopes: harness.floats(biases ?? slopes),
    }),
    0,
    lengths.length * kv.heads * shape.parts,
  );
  const slice = (values: Float32Array, token: number, head: number, of: number, length: number): Float32Array =>
    values.subarray((token * of + head) * length, (token * of + head + 1) * length);
  const expected = positions.slice(from).flatMap((position) =>
    Array.from({ length: heads }, (_, head) =>
      attentionTwin({
        query: slice(q, position, head, heads, kv.keyLength),
        keys: positions.map((i) => slice(k, i, Math.floor(head / group), kv.heads, kv.keyLength)),
        values: positions.map((i) => slice(v, i, Math.floor(head / group), kv.heads, kv.valueLength)),
        position,
        scale,
        causal: shape.causal,
        window: shape.window ? window : undefined,
        chunked: shape.chunked,
        from,
        softcap: shape.softcap ? softcap : undefined,
        sink: shape.sinks ? sinks[head] : undefined,
        slope: shape.alibi ? slopes[head] : undefined,
        biases: biases?.subarray((head * biases.length) / heads, ((head + 1) * biases.length) / heads),
      }),
    ).flat(),
  );
  return {
    output: harness.read(output, tokens * outputWidth).slice(from * outputWidth),
    expected: Float32Array.from(expected),
  };
}

const wholeTiles =
  (group: number) =>
  (tokens: number): number[] =>
    Array.from({ length: Math.ceil(tokens / tileTokens(group)) }, (_, i) =>
      Math.min(tileTokens(group), tokens - i * tileTokens(group)),
    );
const oneByOne = (tokens: number): number[] => new Array<number>(tokens).fill(1);

const largestDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((top, value, i) => Math.max(top, Math.abs(value - b[i])), 0);

describe('attention over pages', () => {
  it.each([
    ['plain', {}],
    ['a window', { window: true }],
    ['a window that does not slide', { window: true, chunked: true }],
    ['a softcap', { softcap: true }],
    ['sinks', { sinks: true }],
    ['slopes', { alibi: true }],
    ['no order of tokens', { causal: false }],
    ['no order of tokens, and a window', { causal: false, window: true }],
    ['nothing before an end, and biases of distances', { afterEnd: true, relativeReach: 12 }],
    ['biases of distances', { relativeReach: 12 }],
    ['biases of distances and no order of tokens', { relativeReach: 30, causal: false, heads: 1, group: 6, parts: 3 }],
    ['everything', { window: true, softcap: true, sinks: true, alibi: true }],
    ['one head of keys in parts', { heads: 1, group: 6, parts: 3 }],
    ['a head for each query', { heads: 3, group: 1 }],
    ['pages of 32', { pageTokens: 32, group: 4, keyLength: 64, valueLength: 64 }],
  ] as const)('agrees with the definition: %s', (_, rest) => {
    for (const build of [plain, relaxed, wide]) {
      const shape = shapeOf('F32', rest);
      const { output, expected } = run({ shape, tokens: 53, window: 19, build }, wholeTiles(shape.group));
      expect(largestDifference(output, expected)).toBeLessThan(2e-6);
    }
  });

  it.each([
    ['F16', 1e-3],
    ['Q8_0', 1e-2],
  ] as const)('loses little with keys and values in %s', (format, bound) => {
    const { output, expected } = run(
      { shape: shapeOf(format, { keyLength: 44 }), tokens: 40, window: 0, build: plain },
      oneByOne,
    );
    expect(largestDifference(output, expected)).toBeLessThan(bound);
  });

  it('gives each token the same bits however tokens are cut into tiles', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<KvFormat>('F32', 'F16', 'Q8_0'),
        fc.constantFrom(
          {},
          { window: true },
          { window: true, chunked: true },
          { sinks: true, alibi: true },
          { causal: false, window: true },
          { relativeReach: 5 },
          { afterEnd: true },
        ),
        fc.constantFrom(1, 2, 3, 4),
        fc.constantFrom(relaxed, wide),
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 5 }),
        (format, rest, group, build, tokens, lengths) => {
          const setting = { shape: shapeOf(format, { ...rest, group }), tokens, window: 13, build };
          const uneven = (): number[] => {
            const cuts: number[] = [];
            for (let left = tokens, i = 0; left > 0; left -= cuts[i++])
              cuts.push(Math.min(left, lengths[i % lengths.length]));
            return cuts;
          };
          const single = run(setting, oneByOne).output;
          expect(run(setting, uneven).output).toEqual(single);
          expect(run(setting, wholeTiles(group)).output).toEqual(single);
          expect(run({ ...setting, build: relaxed }, oneByOne).output).toEqual(single);
        },
      ),
      { numRuns: 25 },
    );
  });
});
