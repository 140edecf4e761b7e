import { StarlingError, checkedProduct, f16Table, numberToF16 } from '@starling/core';

/** How one number of a cache is stored. */
export type KvElementType = 'F32' | 'F16';

/** What one position of a cache holds: in every layer, a key and a value for each KV head. */
export interface KvShape {
  readonly layers: number;
  /** KV heads of a layer. */
  readonly heads: number;
  /** Numbers in the key of one head. */
  readonly keyDim: number;
  /** Numbers in the value of one head; the same as keyDim unless given. */
  readonly valueDim?: number;
  readonly type: KvElementType;
}

/** A tensor that a caller hands in or wants back: its element type, its shape, and room for its numbers. */
export interface KvTensor {
  readonly type: KvElementType;
  /** `(tokens, heads, keyDim)` for keys, `(tokens, heads, valueDim)` for values. */
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint16Array;
}

/** Which of the two tensors of a layer. */
export type KvPart = 'key' | 'value';

const ELEMENT_BYTES: Readonly<Record<KvElementType, number>> = { F32: 4, F16: 2 };

/**
 * Where the numbers of one page are.
 *
 * | bytes of a page | what |
 * |---|---|
 * | `[layer * layerBytes, + keyBytes)` | keys of the layer `(pageTokens, heads, keyDim)` |
 * | `[layer * layerBytes + keyBytes, (layer + 1) * layerBytes)` | values of the layer `(pageTokens, heads, valueDim)` |
 */
export class KvLayout {
  readonly shape: Required<KvShape>;
  readonly pageTokens: number;
  readonly pageBytes: number;
  readonly elementBytes: number;
  readonly #keyBytes: number;
  readonly #layerBytes: number;

  /** @throws StarlingError invalid_argument for a shape without layers, heads or numbers, or beyond 2^53 bytes */
  constructor(shape: KvShape, pageTokens: number) {
    this.shape = { ...shape, valueDim: shape.valueDim ?? shape.keyDim };
    this.pageTokens = pageTokens;
    for (const [name, value] of Object.entries({ ...this.shape, type: 1, pageTokens })) {
      if (!Number.isInteger(value) || Number(value) < 1)
        throw new StarlingError('invalid_argument', `${name} of a KV layout must be a positive integer, not ${value}`);
    }
    this.elementBytes = ELEMENT_BYTES[shape.type];
    const context = { code: 'invalid_argument', what: 'bytes of a KV page' } as const;
    this.#keyBytes = checkedProduct([pageTokens, shape.heads, shape.keyDim, this.elementBytes], context);
    this.#layerBytes =
      this.#keyBytes + checkedProduct([pageTokens, shape.heads, this.shape.valueDim, this.elementBytes], context);
    this.pageBytes = checkedProduct([this.#layerBytes, shape.layers], context);
  }

  /** Numbers that one position has in one layer. */
  rowLength(part: KvPart): number {
    return this.shape.heads * (part === 'key' ? this.shape.keyDim : this.shape.valueDim);
  }

  /** Byte position within a page of the first number of one token's row. */
  rowOffset(layer: number, part: KvPart, tokenInPage: number): number {
    const start = layer * this.#layerBytes + (part === 'key' ? 0 : this.#keyBytes);
    return start + tokenInPage * this.rowLength(part) * this.elementBytes;
  }

  /**
   * Checks that a tensor is what this cache holds for `tokens` positions.
   * @throws StarlingError invalid_argument naming what was expected and what was received
   */
  validate(tensor: KvTensor, part: KvPart, layer: number, tokens: number): void {
    const expected = [tokens, this.shape.heads, part === 'key' ? this.shape.keyDim : this.shape.valueDim];
    const wrong = this.#whyWrong(tensor, layer, expected);
    if (wrong === undefined) return;
    throw new StarlingError('invalid_argument', `${part} tensor of layer ${layer}: ${wrong}`, {
      details: {
        part,
        layer,
        expectedShape: expected,
        expectedType: this.shape.type,
        shape: tensor.shape,
        type: tensor.type,
        length: tensor.data.length,
      },
    });
  }

  #whyWrong(tensor: KvTensor, layer: number, expected: readonly number[]): string | undefined {
    if (!Number.isInteger(layer) || layer < 0 || layer >= this.shape.layers)
      return `there are ${this.shape.layers} layers`;
    if (tensor.type !== this.shape.type) return `the cache holds ${this.shape.type}, not ${tensor.type}`;
    const isFloat = tensor.data instanceof Float32Array;
    if (isFloat !== (tensor.type === 'F32'))
      return `${tensor.type} numbers lie in a ${tensor.type === 'F32' ? 'Float32Array' : 'Uint16Array'}`;
    if (tensor.shape.length !== 3 || expected.some((size, i) => tensor.shape[i] !== size))
      return `the shape must be (${expected.join(', ')}), not (${tensor.shape.join(', ')})`;
    const length = expected.reduce((product, size) => product * size, 1);
    return tensor.data.length === length
      ? undefined
      : `the shape takes ${length} numbers, ${tensor.data.length} were given`;
  }
}

/** The numbers of an f16 tensor as f32, and back: for programs whose cache is F16. */
export const kvHalf = {
  toFloats: (bits: Uint16Array): Float32Array => Float32Array.from(bits, (half) => f16Table()[half]),
  fromFloats: (values: Float32Array): Uint16Array => Uint16Array.from(values, numberToF16),
} as const;
