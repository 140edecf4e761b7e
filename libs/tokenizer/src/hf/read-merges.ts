import { PackedStrings } from '@starling/core';
import type { JsonNode } from './json-node.js';

/** Byte between the parts of a merge, where parts may have spaces in them. */
export const PART_SEPARATOR = 0;

/** Merges as lines, and the byte between their parts. */
export interface MergeLines {
  readonly lines: PackedStrings;
  readonly separator: number;
}

/** Reads `["a b", ...]` or `[["a", "b"], ...]`. */
export function readMerges(node: JsonNode): MergeLines {
  if (node.isMissing) return { lines: PackedStrings.from([]), separator: PART_SEPARATOR };
  const { value } = node;
  if (!Array.isArray(value)) throw node.wrong('an array of merges');
  const merges = value as unknown[];
  if (merges.every((merge) => typeof merge === 'string')) return { lines: PackedStrings.from(merges), separator: 0x20 };
  const lines = merges.map((merge, i) => {
    const isPair = Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === 'string');
    if (!isPair) throw node.items()[i].wrong('two strings, or one with a space between its parts');
    return (merge as string[]).join('\0');
  });
  return { lines: PackedStrings.from(lines), separator: PART_SEPARATOR };
}
