import { StarlingError } from '@starling/core';
import type { GgufModel, TensorInfo } from '@starling/gguf';
import type { ExpertsLinearSpec, LinearSpec } from './block-spec.js';

/**
 * Reads what an architecture needs from a model file. Whatever is missing or has the wrong shape gives one error that names it, the
 * file and the architecture.
 */
export class ModelReader {
  readonly architecture: string;
  readonly #model: GgufModel;

  constructor(model: GgufModel, architecture: string, readonly contextLength?: number) {
    this.#model = model;
    this.architecture = architecture;
  }

  /** The number under `ARCHITECTURE.key`. */
  number(key: string): number {
    const value = this.optionalNumber(key);
    if (value === undefined) throw this.#invalid(`lacks the metadata key '${this.architecture}.${key}'`, { key: `${this.architecture}.${key}` });
    return value;
  }

  optionalNumber(key: string): number | undefined {
    return this.#model.number(`${this.architecture}.${key}`);
  }

  string(key: string): string | undefined {
    return this.#model.string(`${this.architecture}.${key}`);
  }

  boolean(key: string): boolean | undefined {
    return this.#model.boolean(`${this.architecture}.${key}`);
  }

  /** A positive whole number: a count or a length. */
  count(key: string, layer?: number): number {
    const value = layer === undefined ? this.number(key) : this.perLayer(key, layer);
    if (value === undefined) throw this.#invalid(`lacks the metadata key '${this.architecture}.${key}'`, { key: `${this.architecture}.${key}` });
    if (!Number.isSafeInteger(value) || value <= 0) throw this.#invalid(`has ${value} under '${this.architecture}.${key}', where a positive whole number is expected`, { key });
    return value;
  }

  optionalCount(key: string, layer?: number): number | undefined {
    return this.perLayer(key, layer ?? 0) === undefined ? undefined : this.count(key, layer);
  }

  /** A value that the file gives once for all layers or as an array of one for each. */
  perLayer(key: string, layer: number): number | undefined {
    const full = `${this.architecture}.${key}`;
    const value = this.#model.metadata.get(full);
    if (!ArrayBuffer.isView(value)) return this.#model.number(full);
    const values = this.#model.numbers(full);
    if (values === undefined || layer >= values.length) throw this.#invalid(`has no value for layer ${layer} under '${full}'`, { key: full });
    return values[layer];
  }

  /** Truth values, one for each layer. */
  booleans(key: string): readonly boolean[] | undefined {
    const value = this.#model.metadata.get(`${this.architecture}.${key}`);
    return Array.isArray(value) ? this.#model.booleans(`${this.architecture}.${key}`) : undefined;
  }

  /** A key outside of the architecture's own, for example of the tokenizer. */
  metadata(key: string): unknown {
    return this.#model.metadata.get(key);
  }

  /** Whether the file has `ARCHITECTURE.key`. */
  hasKey(key: string): boolean {
    return this.#model.metadata.has(`${this.architecture}.${key}`);
  }

  /** Whether the file has a tensor. */
  has(tensor: string): boolean {
    return this.#model.tensors.has(tensor);
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
    if (tensor.rowLength !== columns || (rows !== undefined && tensor.rowCount !== rows)) throw this.#wrongShape(tensor, `${rows ?? 'any number of'} rows of ${columns}`);
    return tensor;
  }

  /** `name.weight`, and `name.bias` if the file has it. */
  linear(name: string, rows: number, columns: number): LinearSpec {
    return { weight: this.table(`${name}.weight`, columns, rows), bias: this.optionalVector(`${name}.bias`, rows), rows, columns };
  }

  /** The matrices of all experts, in one tensor. */
  experts(name: string, count: number, rows: number, columns: number): ExpertsLinearSpec {
    return { weight: this.table(`${name}.weight`, columns, rows * count), bias: this.optionalVector(`${name}.bias`, rows * count), rows, columns, count };
  }

  /** An error about this file. */
  invalid(why: string): StarlingError {
    return this.#invalid(why, {});
  }

  #tensor(name: string): TensorInfo {
    const tensor = this.#model.tensors.get(name);
    if (!tensor) throw this.#invalid(`lacks the tensor '${name}'`, { tensor: name });
    return tensor;
  }

  #wrongShape(tensor: TensorInfo, expected: string): StarlingError {
    return this.#invalid(`has the tensor '${tensor.name}' of shape (${tensor.shape.join(', ')}), where ${expected} are expected`, { tensor: tensor.name });
  }

  #invalid(why: string, details: Record<string, unknown>): StarlingError {
    return new StarlingError('invalid_model_file', `'${this.#model.name}' ${why} (architecture '${this.architecture}').`, {
      details: { file: this.#model.name, architecture: this.architecture, ...details },
    });
  }
}

const valuesOf = (tensor: TensorInfo): number => tensor.rowLength * tensor.rowCount;
