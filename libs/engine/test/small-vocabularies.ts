import fs from 'node:fs';
import path from 'node:path';
import { PackedStrings } from '@starling/core';
import { tokenizerFromGguf, type Tokenizer } from '@starling/tokenizer';

type Encoded =
  | string
  | number
  | boolean
  | { readonly f32: number[] }
  | { readonly i32: number[] }
  | { readonly strings: string[] };

function decode(value: Encoded): unknown {
  if (typeof value !== 'object') return value;
  if ('strings' in value) return PackedStrings.from(value.strings);
  return 'f32' in value ? Float32Array.from(value.f32) : Int32Array.from(value.i32);
}

/** A tokenizer of each family over a small vocabulary, by name: the golden ones of the tokenizer library. */
export function smallVocabularies(): ReadonlyMap<string, Tokenizer> {
  const text = fs.readFileSync(path.resolve(import.meta.dirname, '../../tokenizer/test/families.json'), 'utf8');
  const { families } = JSON.parse(text) as {
    readonly families: readonly { readonly name: string; readonly metadata: Readonly<Record<string, Encoded>> }[];
  };
  return new Map(
    families.map(({ name, metadata }) => [
      name,
      tokenizerFromGguf(new Map(Object.entries(metadata).map(([key, value]) => [key, decode(value)]))),
    ]),
  );
}
