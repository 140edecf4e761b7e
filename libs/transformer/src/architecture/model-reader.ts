import { StarlingError } from '@starling/core';
import type { GgufModel, TensorInfo } from '@starling/gguf';
import type { ExpertsLinearSpec, LinearSpec } from './block-spec.js';

/** What a file can be loaded as: the model, or the head in it that predicts the token after the next one. */
export type ModelPart = 'model' | 'nextn';

/**
 * Reads what an architecture needs from a model file. Whatever is missing or has the wrong shape gives one error that names it, the
 * file and the architecture. It keeps account of the keys that were asked for and of what was excused, so that whatever else the file
 * has can be refused (file-use.ts).
 */
export class ModelReader {
  readonly architecture: string;
  readonly #model: GgufModel;
  readonly #asked = new Set<string>();
  readonly #excuses = new Map<string, string>();

  constructor(
    model: GgufModel,
    architecture: string,
    readonly contextLength?: number,
    /** What of the file is read: the model, or its head that predicts the token after the next one. */
    readonly part: ModelPart = 'model',
  ) {
    this.#model = model;
    this.architecture = architecture;
  }

  /** The keys that were asked for, in full. */
  get askedKeys(): ReadonlySet<string> {
    return this.#asked;
  }

  /** Tensors, and keys in full, that have no part in the computation, and why. */
  get excuses(): ReadonlyMap<string, string> {
    return this.#excuses;
  }

  /** Says of tensors, by name or by pattern, that they have no part in the computation: from here on they seem not to be there. Gives whether there were any. */
  excuseTensors(why: string, ...names: (string | RegExp)[]): boolean {
    const before = this.#excuses.size;
    for (const name of names) {
      const found =
        typeof name === 'string'
          ? [name]
          : Array.from(this.#model.tensors.keys()).filter((tensor) => name.test(tensor));
      for (const tensor of found) if (this.has(tensor)) this.#excuses.set(tensor, why);
    }
    return this.#excuses.size > before;
  }

  /** Says of a tensor of one dimension, if the file has it, that it has no part in the computation. It has to be of this length nevertheless. */
  excuseVector(why: string, name: string, length: number): void {
    if (this.optionalVector(name, length)) this.excuseTensors(why, name);
  }

  /** Says of keys below the architecture's name that they have no part in the computation, whatever they say. */
  excuseKeys(why: string, ...keys: string[]): void {
    for (const key of keys) this.#excuses.set(this.#full(key), why);
  }

  /** The number under `ARCHITECTURE.key`; of an array, the number that all layers have. */
  number(key: string): number {
    const value = this.optionalNumber(key);
    if (value === undefined) throw this.#lacks(key);
    return value;
  }

  optionalNumber(key: string): number | undefined {
    return this.perLayer(key);
  }

  string(key: string): string | undefined {
    return this.#model.string(this.#ask(key));
  }

  boolean(key: string): boolean | undefined {
    return this.#model.boolean(this.#ask(key));
  }

  /** A positive whole number: a count or a length. */
  count(key: string, layer?: number): number {
    const value = this.perLayer(key, layer);
    if (value === undefined) throw this.#lacks(key);
    if (!Number.isSafeInteger(value) || value <= 0)
      throw this.#invalid(`has ${value} under '${this.#full(key)}', where a positive whole number is expected`, {
        key,
      });
    return value;
  }

  /** The same where the key may be missing; files also write 0 for a count or length that they do not have. */
  optionalCount(key: string, layer?: number): number | undefined {
    const value = this.perLayer(key, layer);
    return value === undefined || value === 0 ? undefined : this.count(key, layer);
  }

  /**
   * A value that the file gives once for all layers or as an array of one for each.
   * @param layer undefined: the value has to be the same for all layers
   */
  perLayer(key: string, layer?: number): number | undefined {
    const full = this.#ask(key);
    const values = this.#numbers(full);
    if (values === undefined) return this.#model.number(full);
    if (layer === undefined) {
      if (values.some((value) => value !== values[0]))
        throw this.#invalid(`has values that differ between layers under '${full}', where one for all is expected`, {
          key: full,
        });
      return values[0];
    }
    if (layer >= values.length) throw this.#invalid(`has no value for layer ${layer} under '${full}'`, { key: full });
    return values[layer];
  }

  /** Numbers of an array; undefined if the key is missing or holds a single value. */
  array(key: string): readonly number[] | undefined {
    return this.#numbers(this.#ask(key));
  }

  /** The same as whole numbers of 64 bits. */
  bigints(key: string): readonly bigint[] {
    const full = this.#ask(key);
    const value = this.#model.metadata.get(full);
    if (!ArrayBuffer.isView(value)) throw this.#lacks(key);
    return Array.from(value as unknown as ArrayLike<number | bigint>, BigInt);
  }

  /** Truth values, one for each layer, from an array of them or of numbers. */
  booleans(key: string): readonly boolean[] | undefined {
    return this.#numbers(this.#ask(key))?.map((value) => value !== 0);
  }

  /** A key outside of the architecture's own, for example of the tokenizer. */
  metadata(key: string): unknown {
    this.#asked.add(key);
    return this.#model.metadata.get(key);
  }

  /** Whether the file has `ARCHITECTURE.key`. */
  hasKey(key: string): boolean {
    return this.#model.metadata.has(this.#ask(key));
  }

  /** Whether the file has a tensor that is not excused. */
  has(tensor: string): boolean {
    return this.#model.tensors.has(tensor) && !this.#excuses.has(tensor);
  }

  /** A tensor of one dimension. */
  vector(name: string, length?: number): TensorInfo {
    const tensor = this.#tensor(name);
    if (length !== undefined && valuesOf(tensor) !== length) throw this.#wrongShape(tensor, `${length} values`);
    return tensor;
  }

  optionalVector(name: string, length?: number): TensorInfo | undefined {
    return this.has(name) ? this.vector(name, length) : undefined;
  }

  /** A table of rows. */
  table(name: string, columns: number, rows?: number): TensorInfo {
    const tensor = this.#tensor(name);
    if (tensor.rowLength !== columns || (rows !== undefined && tensor.rowCount !== rows))
      throw this.#wrongShape(tensor, `${rows ?? 'any number of'} rows of ${columns}`);
    return tensor;
  }

  /** `name.weight`, with `name.bias` and `name.scale` if the file has them. */
  linear(name: string, rows: number, columns: number): LinearSpec {
    return {
      weight: this.table(`${name}.weight`, columns, rows),
      bias: this.optionalVector(`${name}.bias`, rows),
      scale: this.optionalVector(`${name}.scale`, 1),
      rows,
      columns,
    };
  }

  /** The same where the file may have no such matrix. */
  optionalLinear(name: string, rows: number, columns: number): LinearSpec | undefined {
    return this.has(`${name}.weight`) ? this.linear(name, rows, columns) : undefined;
  }

  /** The matrices of all experts, in one tensor, with a bias and a scale for each. */
  experts(name: string, count: number, rows: number, columns: number): ExpertsLinearSpec {
    return {
      weight: this.table(`${name}.weight`, columns, rows * count),
      bias: this.optionalVector(`${name}.bias`, rows * count),
      scale: this.optionalVector(`${name}.scale`, count),
      rows,
      columns,
      count,
    };
  }

  /** An error about this file. */
  invalid(why: string): StarlingError {
    return this.#invalid(why, {});
  }

  /** An error about a key below the architecture's name whose value is none of those that are known. */
  unsupportedValue(key: string, value: string, allowed: readonly string[]): StarlingError {
    const full = this.#full(key);
    const known = allowed.map((one) => `'${one}'`).join(', ');
    return new StarlingError(
      'unsupported_model',
      `'${this.#model.name}' has '${value.slice(0, 100)}' under '${full}', which is not supported: known are ${known} (architecture '${this.architecture}'). Results would be wrong, so the model is not loaded.`,
      {
        details: { file: this.#model.name, architecture: this.architecture, key: full, value, allowed },
      },
    );
  }

  #full(key: string): string {
    return `${this.architecture}.${key}`;
  }

  #ask(key: string): string {
    const full = this.#full(key);
    this.#asked.add(full);
    return full;
  }

  #numbers(full: string): readonly number[] | undefined {
    const value = this.#model.metadata.get(full);
    if (ArrayBuffer.isView(value)) return Array.from(this.#model.numbers(full) ?? []);
    return Array.isArray(value) ? Array.from(this.#model.booleans(full) ?? [], Number) : undefined;
  }

  #tensor(name: string): TensorInfo {
    const tensor = this.#model.tensors.get(name);
    if (!tensor) throw this.#invalid(`lacks the tensor '${name}'`, { tensor: name });
    return tensor;
  }

  #lacks(key: string): StarlingError {
    return this.#invalid(`lacks the metadata key '${this.#full(key)}'`, { key: this.#full(key) });
  }

  #wrongShape(tensor: TensorInfo, expected: string): StarlingError {
    return this.#invalid(
      `has the tensor '${tensor.name}' of shape (${tensor.shape.join(', ')}), where ${expected} are expected`,
      { tensor: tensor.name },
    );
  }

  #invalid(why: string, details: Record<string, unknown>): StarlingError {
    return new StarlingError(
      'invalid_model_file',
      `'${this.#model.name}' ${why} (architecture '${this.architecture}').`,
      {
        details: { file: this.#model.name, architecture: this.architecture, ...details },
      },
    );
  }
}

const valuesOf = (tensor: TensorInfo): number => tensor.rowLength * tensor.rowCount;
