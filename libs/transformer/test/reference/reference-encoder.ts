import { relativeRms } from '../../../../tools/fixtures/fixtures.js';
import { loadTransformer } from '../../src/load/load-transformer.js';
import type { Pooling } from '../../src/runtime/model-runtime.js';
import { SHAPE } from './decoder.js';
import { TOKENS } from './expect-agreement.js';
import { expectClosedOnce } from './expect-closed.js';
import type { RandomModel } from './random-model.js';
import { blockOf, type Block } from './reference-decoder.js';
import type { Matrix, Row } from './scalar-math.js';

const LIMITS = { contextLength: 32, pageTokens: 16, pageCount: 4, kvType: 'F32' } as const;

export interface ReferenceEncoder {
  readonly embed?: (row: Row, position: number) => Row;
  readonly layer: (block: Block, x: Matrix, index: number) => Matrix;
  readonly finish?: (row: Row) => Row;
  readonly layers?: number;
}

/** Hidden states of all tokens. */
export function runEncoder(
  model: RandomModel,
  tokens: readonly number[],
  { embed, layer, finish, layers = SHAPE.layers }: ReferenceEncoder,
): Matrix {
  const table = model.matrix('token_embd.weight');
  let x = tokens.map((token, position) => (embed ? embed(table[token], position) : table[token]));
  for (let index = 0; index < layers; index++) x = layer(blockOf(model, index), x, index);
  return finish ? x.map(finish) : x;
}

export const meanOf = (rows: Matrix): Row =>
  rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);

export interface EncoderExpectation {
  /** Of what the file asks for. */
  readonly pooled?: (hidden: Matrix) => Row;
  readonly pooling?: Pooling;
  readonly tolerance?: number;
}

/** Holds a model's hidden states, and what it makes of them, to those of a reference: of a text alone, and bit for bit the same beside another. */
export async function expectAgreementOfEncoder(
  model: RandomModel,
  reference: (tokens: readonly number[]) => Matrix,
  { pooled, pooling, tolerance = 1e-5 }: EncoderExpectation = {},
): Promise<void> {
  await expectClosedOnce(model.file);
  const runtime = await loadTransformer(model.file, LIMITS);
  try {
    expect(runtime.info).toMatchObject({ causal: false, hasLogits: false });
    const expected = reference(TOKENS);
    const text = { tokens: TOKENS, startPosition: 0, pages: Int32Array.of(0, 1), slot: 0, outputs: 'none' } as const;
    const hidden = (await runtime.embed([text], { pooling: 'none' })).vectors;
    expect(relativeRms(hidden, expected.flat())).toBeLessThan(tolerance);
    const other = { ...text, tokens: TOKENS.slice(3, 12).reverse(), pages: Int32Array.of(2, 3), slot: 1 };
    expect(
      (await runtime.embed([other, text], { pooling: 'none' })).vectors.slice(
        other.tokens.length * runtime.info.embeddingLength,
      ),
    ).toEqual(hidden);
    if (pooling) expect(runtime.info.pooling).toBe(pooling);
    if (pooled) expect(relativeRms((await runtime.embed([text])).vectors, pooled(expected))).toBeLessThan(tolerance);
  } finally {
    await runtime.close();
  }
}
