import { PackedStrings, StarlingError, printable } from '@starling/core';
import type { GgufModel, GgufValue, ValueType } from '@starling/gguf';
import { openGgufFile } from '@starling/gguf/node';
import type { MemoryPlan } from '@starling/transformer';
import { planMemory } from '@starling/transformer/node';
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
    .description(
      'show the metadata and the tensors of a GGUF file, and the memory that it takes when it is served with the defaults',
    )
    .argument('<FILE>', 'a GGUF file, or the first part of a split one')
    .option('--json', 'everything, as one JSON object')
    .action(async (file: string, { json }: { readonly json?: boolean }) => {
      const model = await openGgufFile((await locateModel(file, io)).path);
      try {
        const plan = await planOf(model);
        await write(io.stdout, json ? `${printableJson(asJson(file, model, plan))}\n` : asText(file, model, plan));
      } finally {
        await model.close();
      }
    });
}

/** What the model takes when it is loaded as by default; or why it cannot be. Files that hold other things than models can be looked at as well. */
async function planOf(model: GgufModel): Promise<MemoryPlan | StarlingError> {
  try {
    return await planMemory(model);
  } catch (error) {
    if (error instanceof StarlingError) return error;
    throw error;
  }
}

function memoryJson(plan: MemoryPlan | StarlingError): object {
  if (plan instanceof StarlingError) return { error: { code: plan.code, message: plan.message } };
  const { contextLength, kvType, pageTokens, pageCount, weightBytes, kvBytes, scratchBytes, totalBytes, conversions } =
    plan;
  return {
    context_length: contextLength,
    kv_type: kvType,
    kv_tokens: pageTokens * pageCount,
    weights_bytes: weightBytes,
    kv_bytes: kvBytes,
    scratch_bytes: scratchBytes,
    total_bytes: totalBytes,
    conversions: conversions.map(({ from, to, tensors, fileBytes, memoryBytes }) => ({
      from,
      to,
      tensors,
      file_bytes: fileBytes,
      memory_bytes: memoryBytes,
    })),
  };
}

function memoryText(plan: MemoryPlan | StarlingError): string[] {
  if (plan instanceof StarlingError) return [printable(`cannot be loaded: ${plan.message}`)];
  const { contextLength, kvType, pageTokens, pageCount, weightBytes, kvBytes, scratchBytes, totalBytes, conversions } =
    plan;
  return columns([
    [
      'weights',
      `${weightBytes} bytes`,
      conversions.map(({ from, to, tensors }) => `${tensors} tensors of ${from} kept as ${to}`).join(', '),
    ],
    ['KV cache', `${kvBytes} bytes`, `${kvType}, ${pageTokens * pageCount} tokens, a context of ${contextLength}`],
    ['scratch', `${scratchBytes} bytes`, ''],
    ['total', `${totalBytes} bytes`, ''],
  ]).map((line) => line.trimEnd());
}

function asJson(file: string, model: GgufModel, plan: MemoryPlan | StarlingError): object {
  return {
    file,
    version: model.version,
    parts: model.parts,
    alignment: model.alignment,
    little_endian: model.littleEndian,
    architecture: model.architecture,
    memory: memoryJson(plan),
    metadata: Object.fromEntries([...model.metadata].map(([key, value]) => [key, jsonValue(value)])),
    tensors: [...model.tensors.values()].map(({ name, type, shape, byteLength, offset, part }) => ({
      name,
      type: type.name,
      shape,
      bytes: byteLength,
      offset,
      part,
    })),
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

function asText(file: string, model: GgufModel, plan: MemoryPlan | StarlingError): string {
  const tensors = [...model.tensors.values()];
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.byteLength, 0);
  const values = tensors.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  const head = `${printable(file)}: GGUF version ${model.version}${model.littleEndian ? '' : ', big-endian'}${model.parts > 1 ? `, ${model.parts} parts` : ''}, ${model.metadata.size} metadata values, ${tensors.length} tensors, ${values} parameters in ${bytes} bytes`;
  const metadata = columns(
    [...model.metadata].map(([key, value]) => [
      printable(key),
      typeName(model.metadataTypes.get(key)),
      shown(value, model.metadataTypes.get(key) === 'f32'),
    ]),
  );
  const table = columns(
    tensors.map(({ name, type, shape, byteLength }) => [
      printable(name),
      type.name,
      shape.join(' x '),
      `${byteLength} bytes`,
    ]),
  );
  return `${[head, '', 'memory', ...indented(memoryText(plan)), '', 'metadata', ...indented(metadata), '', 'tensors', ...indented(table)].join('\n')}\n`;
}

const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}`);

function shown(value: GgufValue, isSingle = false): string {
  if (typeof value === 'number') return String(isSingle ? shortestSingle(value) : value);
  if (typeof value === 'string') return printable(excerpt(JSON.stringify(value)));
  if (typeof value !== 'object') return String(value);
  const length = value.length;
  const first = Array.from({ length: Math.min(length, SHOWN_ELEMENTS) }, (_, i) =>
    shown(value instanceof PackedStrings ? value.at(i) : value[i]),
  );
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

/** JSON whose texts cannot steer a terminal: the escapes are JSON's own, so that it reads back as the same. */
const printableJson = (value: object) =>
  printable(JSON.stringify(value)).replace(/\\u\{([0-9a-f]+)\}/g, (escape, hex: string) => {
    const code = Number.parseInt(hex, 16);
    return code > 0xffff ? jsonEscapes(String.fromCodePoint(code)) : escape;
  });

const jsonEscapes = (text: string) =>
  Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');
