import { PackedStrings } from '@starling/core';
import { fileTypeName, openGguf, type GgufModel, type GgufValue, type ValueType } from '@starling/gguf';
import { headerSource } from '../header-source.js';

/** What a model file says of itself. */
export interface InspectedModel {
  readonly name: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly metadata: readonly MetadataRow[];
  readonly tensors: readonly TensorRow[];
  /** Bytes of tensors by their type, the largest first. */
  readonly types: readonly { readonly type: string; readonly count: number; readonly bytes: number }[];
}

export interface MetadataRow {
  readonly key: string;
  readonly type: string;
  readonly value: string;
}

export interface TensorRow {
  readonly name: string;
  readonly type: string;
  readonly shape: string;
  readonly bytes: number;
  readonly offset: number;
}

/** How much of a value is shown. */
const VALUE_CHARACTERS = 300;
const LIST_ENTRIES = 12;

/**
 * Reads the header of a file, by slices of it.
 * @throws StarlingError invalid_model_file
 */
export async function inspectModel(file: Blob, name: string): Promise<InspectedModel> {
  const source = headerSource(file, name);
  const model = await openGguf(source);
  const tensors = [...model.tensors.values()];
  const values = tensors.reduce((sum, { rowLength, rowCount }) => sum + rowLength * rowCount, 0);
  const bytes = tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const types = new Map<string, { type: string; count: number; bytes: number }>();
  for (const { type, byteLength } of tensors) {
    const sum = types.get(type.name) ?? { type: type.name, count: 0, bytes: 0 };
    types.set(type.name, { type: type.name, count: sum.count + 1, bytes: sum.bytes + byteLength });
  }
  return {
    name,
    facts: [
      ['architecture', model.architecture ?? 'not said'],
      [
        'format',
        `GGUF ${model.version}, ${model.littleEndian ? 'little' : 'big'}-endian, aligned to ${model.alignment} bytes`,
      ],
      ['file', sizeWords(file.size)],
      ['read of it', sizeWords(source.bytesRead)],
      [
        'weights',
        `${values.toLocaleString('en')} in ${tensors.length.toLocaleString('en')} tensors: ${sizeWords(bytes)}${values > 0 ? `, ${((8 * bytes) / values).toFixed(2)} bits each` : ''}`,
      ],
      ...fileTypeOf(model),
    ],
    metadata: [...model.metadata].map(([key, value]) => ({
      key,
      type: typeWords(model.metadataTypes.get(key)!),
      value: valueWords(value),
    })),
    tensors: tensors.map(({ name: tensor, type, shape, byteLength, offset }) => ({
      name: tensor,
      type: type.name,
      shape: shape.join(' × ') || 'a single value',
      bytes: byteLength,
      offset,
    })),
    types: [...types.values()].sort((a, b) => b.bytes - a.bytes),
  };
}

function fileTypeOf(model: GgufModel): [string, string][] {
  const type = model.metadata.get('general.file_type');
  const name = typeof type === 'number' ? fileTypeName(type) : undefined;
  return name === undefined ? [] : [['mix', name]];
}

/** Bytes for people. */
export function sizeWords(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return power === 0 ? `${bytes} bytes` : `${(bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}

function typeWords(type: ValueType): string {
  if (typeof type === 'string') return type;
  return 'array' in type ? `${type.array}[]` : 'arrays';
}

function valueWords(value: GgufValue): string {
  if (typeof value === 'string') return cut(JSON.stringify(value.slice(0, VALUE_CHARACTERS + 1)).slice(1, -1));
  if (value instanceof PackedStrings) {
    const shown = Array.from({ length: Math.min(value.length, LIST_ENTRIES) }, (_, i) => JSON.stringify(value.at(i)));
    return cut(listWords(shown, value.length));
  }
  if (typeof value !== 'object') return String(value);
  return cut(
    listWords(
      Array.from({ length: Math.min(value.length, LIST_ENTRIES) }, (_, i) =>
        typeof value[i] === 'object' ? '[…]' : String(value[i]),
      ),
      value.length,
    ),
  );
}

const listWords = (shown: readonly string[], length: number): string =>
  `${length.toLocaleString('en')}: ${shown.join(', ')}${length > shown.length ? ', …' : ''}`;
const cut = (text: string): string => (text.length > VALUE_CHARACTERS ? `${text.slice(0, VALUE_CHARACTERS)}…` : text);
