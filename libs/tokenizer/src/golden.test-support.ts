import fs from 'node:fs';
import path from 'node:path';
import { PackedStrings } from '@starling/core';

const folder = path.resolve(import.meta.dirname, '../test');

type Encoded = string | number | boolean | { f32: number[] } | { i32: number[] } | { strings: string[] };

/** A family with a small vocabulary, and the ids that the reference gives for `texts`. */
export interface GoldenFamily {
  readonly name: string;
  readonly metadata: Readonly<Record<string, Encoded>>;
  readonly special: {
    bos: number;
    eos: number;
    unk: number;
    eog: number[];
    control: number[];
    addBos: boolean;
    addEos: boolean;
  };
  readonly plain: readonly number[][];
  readonly parsed: readonly number[][];
  readonly added: readonly number[][];
}

function readJson<T>(name: string): T {
  return JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8')) as T;
}

/** The small vocabularies, one of each family. */
export function goldenFamilies(): { texts: readonly string[]; families: readonly GoldenFamily[] } {
  return readJson('families.json');
}

/** How the reference cuts texts: lengths of pieces in bytes, by name of the pre-tokenizer. */
export function goldenSplits(): {
  texts: readonly string[];
  groups: readonly { names: string[]; lengths: number[][] }[];
} {
  return readJson('splits.json');
}

/** The ids that the `tokenizers` library gives. */
export function goldenFiles(): {
  texts: readonly string[];
  files: readonly { name: string; json: unknown; ids: number[][]; added: number[][]; decoded: string[] }[];
} {
  return readJson('huggingface.json');
}

/** Metadata as a GGUF reader gives it. */
export function metadataOf(family: Pick<GoldenFamily, 'metadata'>): Map<string, unknown> {
  return new Map(Object.entries(family.metadata).map(([key, value]) => [key, decode(value)]));
}

function decode(value: Encoded): unknown {
  if (typeof value !== 'object') return value;
  if ('f32' in value) return Float32Array.from(value.f32);
  if ('i32' in value) return Int32Array.from(value.i32);
  return PackedStrings.from(value.strings);
}

/** How the `tokenizers` library cuts texts with regular expressions: the expression, then the pieces of each text, isolated and contiguous. */
export function goldenExpressions(): { texts: readonly string[]; rows: readonly [string, string[][], string[][]][] } {
  return readJson('expressions.json');
}

/** What the `tokenizers` library gives for every order of two and three steps before a model, and for files of their own kinds. */
export function goldenPipelines(): {
  readonly model: unknown;
  readonly steps: readonly unknown[];
  readonly pairTexts: readonly string[];
  readonly tripleTexts: readonly string[];
  /** Indexes into `steps`, then the ids of each text. */
  readonly orders: readonly [number[], number[][]][];
  /** Rows of text, ids and decoded text. */
  readonly files: readonly { name: string; json: unknown; rows: [string, number[], string][] }[];
} {
  return readJson('pipelines.json');
}
