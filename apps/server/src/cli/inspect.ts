import { PackedStrings } from '@starling/core';
import type { GgufModel, GgufValue, ValueType } from '@starling/gguf';
import { openGgufFile } from '@starling/gguf/node';
import type { Command } from 'commander';
import { columns } from './columns.js';
import { write, type CliIo } from './io.js';
import { locateModel } from './locate-model.js';

/** Elements of an array, and characters of a text, that are shown to people; `--json` has all. */
const SHOWN_ELEMENTS = 6;
const SHOWN_CHARACTERS = 100;

/** `starling inspect`. */
export function registerInspect(program: Command, io: CliIo): void {
  program
    .command('inspect')
    .description('show the metadata and the tensors of a GGUF file')
    .argument('<FILE>', 'a GGUF file, or the first part of a split one')
    .option('--json', 'everything, as one JSON object')
    .action(async (file: string, { json }: { readonly json?: boolean }) => {
      const model = await openGgufFile((await locateModel(file, io)).path);
      try {
        await write(io.stdout, json ? `${JSON.stringify(asJson(file, model))}\n` : asText(file, model));
      } finally {
        await model.close();
      }
    });
}

function asJson(file: string, model: GgufModel): object {
  return {
    file,
    version: model.version,
    parts: model.parts,
    alignment: model.alignment,
    little_endian: model.littleEndian,
    architecture: model.architecture,
    metadata: Object.fromEntries([...model.metadata].map(([key, value]) => [key, jsonValue(value)])),
    tensors: [...model.tensors.values()].map(({ name, type, shape, byteLength, offset, part }) => ({ name, type: type.name, shape, bytes: byteLength, offset, part })),
  };
}

type JsonValue = string | number | boolean | JsonValue[];

/** Integers beyond 2^53 and numbers that JSON has no word for become strings, so that nothing is lost. */
function jsonValue(value: GgufValue): JsonValue {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'object') return value;
  if (value instanceof PackedStrings) return value.toArray();
  return Array.from<GgufValue>(value as Iterable<GgufValue>).map(jsonValue);
}

function asText(file: string, model: GgufModel): string {
  const tensors = [...model.tensors.values()];
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.byteLength, 0);
  const values = tensors.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  const head = `${file}: GGUF version ${model.version}${model.littleEndian ? '' : ', big-endian'}${model.parts > 1 ? `, ${model.parts} parts` : ''}, ${model.metadata.size} metadata values, ${tensors.length} tensors, ${values} parameters in ${bytes} bytes`;
  const metadata = columns([...model.metadata].map(([key, value]) => [key, typeName(model.metadataTypes.get(key)), shown(value, model.metadataTypes.get(key) === 'f32')]));
  const table = columns(tensors.map(({ name, type, shape, byteLength }) => [name, type.name, shape.join(' x '), `${byteLength} bytes`]));
  return `${[head, '', 'metadata', ...indented(metadata), '', 'tensors', ...indented(table)].join('\n')}\n`;
}

const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}`);

function shown(value: GgufValue, isSingle = false): string {
  if (typeof value === 'number') return String(isSingle ? shortestSingle(value) : value);
  if (typeof value === 'string') return excerpt(JSON.stringify(value));
  if (typeof value !== 'object') return String(value);
  const length = value.length;
  const first = Array.from({ length: Math.min(length, SHOWN_ELEMENTS) }, (_, i) => shown(value instanceof PackedStrings ? value.at(i) : value[i]));
  return `${length} values: [${first.join(', ')}${length > SHOWN_ELEMENTS ? ', ...' : ''}]`;
}

function typeName(type: ValueType | undefined): string {
  if (typeof type !== 'object') return type ?? '';
  return 'array' in type ? `${type.array}[]` : 'array[]';
}

/** The number with the fewest digits that is this one in single precision. */
function shortestSingle(value: number): number {
  const digits = [6, 7, 8].find((count) => Math.fround(Number(value.toPrecision(count))) === value);
  return digits === undefined ? value : Number(value.toPrecision(digits));
}

const excerpt = (text: string) => (text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text);
