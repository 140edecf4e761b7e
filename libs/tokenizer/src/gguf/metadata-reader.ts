import { PackedStrings, StarlingError } from '@starling/core';
import type { VocabularyMetadata } from '../tokenizer.js';

/** Reads metadata entries with the type they must have; a wrong one is an `invalid_vocabulary` error that names the key. */
export class MetadataReader {
  constructor(private readonly metadata: VocabularyMetadata) {}

  string(key: string): string | undefined {
    const value = this.metadata.get(key);
    if (value === undefined || typeof value === 'string') return value;
    throw wrongType(key, 'a string', value);
  }

  boolean(key: string): boolean | undefined {
    const value = this.metadata.get(key);
    if (value === undefined || typeof value === 'boolean') return value;
    throw wrongType(key, 'a boolean', value);
  }

  integer(key: string): number | undefined {
    const value = this.metadata.get(key);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isInteger(value)) return value;
    throw wrongType(key, 'an integer', value);
  }

  strings(key: string): PackedStrings | undefined {
    const value = this.metadata.get(key);
    if (value === undefined || value instanceof PackedStrings) return value;
    if (isPacked(value)) return new PackedStrings(value.bytes, value.offsets);
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return PackedStrings.from(value);
    throw wrongType(key, 'an array of strings', value);
  }

  /** Numbers, at least `count` of them where that is given. */
  numbers(key: string, count = 0): ArrayLike<number> | undefined {
    const value = this.metadata.get(key);
    if (value === undefined) return undefined;
    const fits = Array.isArray(value)
      ? value.every((item) => typeof item === 'number')
      : ArrayBuffer.isView(value) && !(value instanceof DataView);
    if (!fits) throw wrongType(key, 'an array of numbers', value);
    const numbers = value as ArrayLike<number>;
    if (numbers.length >= count) return numbers;
    throw new StarlingError(
      'invalid_vocabulary',
      `${key} has ${numbers.length} values, but the vocabulary has ${count} tokens`,
      {
        details: { key, received: numbers.length, expected: count },
      },
    );
  }

  bytes(key: string): Uint8Array | undefined {
    const value = this.numbers(key);
    return value === undefined ? undefined : Uint8Array.from(value);
  }
}

/** Packed strings of another copy of the core library. */
function isPacked(value: unknown): value is PackedStrings {
  return (
    typeof value === 'object' &&
    value !== null &&
    'bytes' in value &&
    value.bytes instanceof Uint8Array &&
    'offsets' in value &&
    value.offsets instanceof Uint32Array
  );
}

function wrongType(key: string, expected: string, value: unknown): StarlingError {
  const received = Array.isArray(value)
    ? 'an array of something else'
    : ArrayBuffer.isView(value)
      ? 'an array of numbers'
      : typeof value;
  return new StarlingError('invalid_vocabulary', `${key} must be ${expected}, but it is ${received}`, {
    details: { key, expected, received },
  });
}
