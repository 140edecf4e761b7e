import { toByteSource, type ByteSource, type GgufInput } from './byte-source.js';
import { invalidFile } from './file-error.js';
import type { ImportanceEntry, ImportanceMatrix } from './importance-matrix.js';
import { LIMITS } from './limits.js';
import type { GgufModel } from './model.js';
import { openSources } from './open.js';
import { quote } from './read-metadata.js';
import type { TensorInfo } from './read-tensors.js';

const SUMS = '.in_sum2';
const COUNTS = '.counts';

/** Bytes of a name in the older form, where no format bounds them. */
const MAX_NAME_BYTES = 1024;

/** The entries' bytes are held in memory: no model's importance comes near this. */
const MAX_BYTES = 2 ** 32;

/**
 * Reads an importance matrix that `starling imatrix` or `llama-imatrix` wrote: a GGUF file, or the older binary form (`.dat`).
 * The source is closed, whatever comes of it.
 * @throws StarlingError invalid_model_file, naming the file and what is wrong
 */
export async function readImportanceMatrix(input: GgufInput): Promise<ImportanceMatrix> {
  const source = toByteSource(input);
  try {
    if (source.size > MAX_BYTES)
      throw invalidFile(source.name, `has ${source.size} bytes, more than the ${MAX_BYTES} of any importance matrix`);
    const magic = new Uint8Array(4);
    if (source.size >= 4) await source.read(0, magic);
    return String.fromCharCode(...magic) === 'GGUF' ? await fromGguf(source) : await fromLegacy(source);
  } finally {
    await source.close();
  }
}

async function fromGguf(source: ByteSource): Promise<ImportanceMatrix> {
  const model = await openSources([source]);
  const sums = Array.from(model.tensors.values()).filter(({ name }) => name.endsWith(SUMS));
  if (sums.length === 0)
    throw invalidFile(model.name, `is a GGUF file, but no importance matrix: no tensor's name ends with ${SUMS}`);
  const datasets = model.strings('imatrix.datasets');
  const chunkCount = model.number('imatrix.chunk_count');
  const chunkSize = model.number('imatrix.chunk_size');
  if (datasets === undefined || chunkCount === undefined || chunkSize === undefined)
    throw invalidFile(
      model.name,
      'lacks one of the keys of an importance matrix: imatrix.datasets, imatrix.chunk_count, imatrix.chunk_size',
    );
  const entries = new Map<string, ImportanceEntry>();
  for (const tensor of sums) {
    const name = tensor.name.slice(0, -SUMS.length);
    const entry = { sums: await floats(model, tensor), counts: await floats(model, model.tensor(name + COUNTS)) };
    checkEntry(model.name, name, entry);
    entries.set(name, entry);
  }
  return { entries, datasets: datasets.toArray(), chunkCount, chunkSize };
}

async function floats(model: GgufModel, tensor: TensorInfo): Promise<Float32Array> {
  if (tensor.type.name !== 'F32')
    throw invalidFile(
      model.name,
      `tensor ${quote(tensor.name)} is ${tensor.type.name}, where an importance matrix has F32`,
    );
  const bytes = new Uint8Array(tensor.byteLength);
  await model.readTensor(tensor, bytes);
  return new Float32Array(bytes.buffer);
}

function checkEntry(file: string, name: string, { sums, counts }: ImportanceEntry): void {
  if (sums.length === 0 || counts.length === 0 || sums.length % counts.length !== 0)
    throw invalidFile(
      file,
      `importance of ${quote(name)}: ${sums.length} sums do not belong to ${counts.length} counts`,
      {
        tensor: name,
      },
    );
  for (const [what, values] of [
    ['sum', sums],
    ['count', counts],
  ] as const) {
    const at = values.findIndex((value) => !(value >= 0 && value < Infinity));
    if (at >= 0)
      throw invalidFile(
        file,
        `importance of ${quote(name)}: ${what} ${at} is ${values[at]}, where a finite number that is not negative is expected`,
        { tensor: name },
      );
  }
}

/**
 * The older form, all little-endian: i32 entries; each an i32 length and a name, i32 chunks, i32 values and as many f32 (mean squares times
 * chunks); then, perhaps, i32 chunks in all, i32 length and the name of the text.
 */
async function fromLegacy(source: ByteSource): Promise<ImportanceMatrix> {
  const reader = new LegacyReader(source);
  const count = await reader.int('its number of entries', 1, LIMITS.tensors);
  const entries = new Map<string, ImportanceEntry>();
  for (let i = 0; i < count; i++) {
    const name = await reader.text(`the name of entry ${i}`, 1);
    if (entries.has(name)) throw invalidFile(source.name, `has two entries ${quote(name)}`);
    const chunks = await reader.int(`the chunks of ${quote(name)}`, 0, 2 ** 31 - 1);
    const values = await reader.int(`the values of ${quote(name)}`, 1, Math.floor(reader.remaining / 4));
    const entry = { sums: await reader.floats(values), counts: Float32Array.of(Math.max(1, chunks)) };
    checkEntry(source.name, name, entry);
    entries.set(name, entry);
  }
  let chunkCount = 0;
  const datasets: string[] = [];
  if (reader.remaining > 0) {
    chunkCount = await reader.int('its chunks', 0, 2 ** 31 - 1);
    const text = reader.remaining > 0 ? await reader.text('the name of its text', 0) : '';
    if (text !== '') datasets.push(text);
  }
  return { entries, datasets, chunkCount, chunkSize: 0 };
}

class LegacyReader {
  #at = 0;

  constructor(readonly source: ByteSource) {}

  get remaining(): number {
    return this.source.size - this.#at;
  }

  async #bytes(length: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
    if (length > this.remaining)
      throw invalidFile(
        this.source.name,
        `is no importance matrix, or cut short: ${what} would end beyond its ${this.source.size} bytes`,
      );
    const bytes = new Uint8Array(length);
    await this.source.read(this.#at, bytes);
    this.#at += length;
    return bytes;
  }

  async int(what: string, least: number, most: number): Promise<number> {
    const at = this.#at;
    const value = new DataView((await this.#bytes(4, what)).buffer).getInt32(0, true);
    if (value >= least && value <= most) return value;
    throw invalidFile(
      this.source.name,
      `is no importance matrix, or damaged: ${what} (byte ${at}) would be ${value}, where ${least} to ${most} is possible`,
    );
  }

  async text(what: string, least: number): Promise<string> {
    const length = await this.int(`the length of ${what}`, least, Math.min(this.remaining, MAX_NAME_BYTES));
    return new TextDecoder().decode(await this.#bytes(length, what));
  }

  async floats(count: number): Promise<Float32Array> {
    const bytes = await this.#bytes(4 * count, 'its values');
    return new Float32Array(bytes.buffer);
  }
}
