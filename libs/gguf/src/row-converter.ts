import { dequantize } from './dequantize.js';
import { quantize } from './quantize.js';
import { bytesOfValues, TENSOR_TYPES, type TensorTypeName } from './tensor-types.js';

/** Rows of a tensor to be written in another type. */
export interface RowConversion {
  readonly from: TensorTypeName;
  readonly to: TensorTypeName;
  /** Values in a row, a multiple of both types' block sizes. */
  readonly rowLength: number;
  /** Whole rows, one after the other, in `from`. The converter may take the buffer for its own. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What the square error of each value of a row counts, see `quantize`. Default: all the same. */
  readonly importance?: Float32Array;
}

/** Converts rows, in this thread or elsewhere; the bytes are the same. */
export interface RowConverter {
  /** Conversions that are worth asking for at once. */
  readonly width: number;
  /** @throws StarlingError invalid_argument if a value is not finite, or nothing makes the type */
  convert(conversion: RowConversion): Promise<Uint8Array<ArrayBuffer>>;
}

/** Converts rows in this thread. @throws StarlingError invalid_argument as `quantize` does */
export function convertRows({ from, to, rowLength, bytes, importance }: RowConversion): Uint8Array<ArrayBuffer> {
  const [source, target] = [TENSOR_TYPES[from], TENSOR_TYPES[to]];
  const values = new Float32Array((bytes.length / source.blockBytes) * source.blockSize);
  dequantize(source, bytes, values);
  const converted = new Uint8Array(bytesOfValues(target, values.length));
  quantize(target, values, rowLength, converted, importance);
  return converted;
}

/** One conversion after the other, between turns of the event loop. */
export const ownThread: RowConverter = {
  width: 1,
  convert: async (conversion) => convertRows(conversion),
};
