import { PackedStrings, type StarlingError } from '@starling/core';
import type { JsonNode } from './json-node.js';

const encoder = new TextEncoder();

/** Merges as they are written: the parts of merge i are strings 2 i and 2 i + 1, best merge first. */
export interface WrittenMerges {
  readonly parts: PackedStrings;
  /** What to throw for a merge that cannot be. */
  broken(rank: number, reason: string): StarlingError;
}

/** Reads `["a b", ...]` or `[["a", "b"], ...]`. */
export function readMerges(node: JsonNode): WrittenMerges {
  if (!Array.isArray(node.value)) throw node.wrong('an array of merges, the best one first');
  const merges = node.value as unknown[];
  const place = (i: number): JsonNode => node.item(merges[i], i);
  const parts = new PartPacker();
  const indexes: number[] = [];
  for (let i = 0; i < merges.length; i++) {
    const merge = merges[i];
    if (typeof merge === 'string' && merge.startsWith('#version')) continue;
    const isRead = typeof merge === 'string' ? parts.addLine(merge) : parts.addPair(merge);
    if (!isRead) throw place(i).wrong('two strings, or one with a space between its two parts');
    indexes.push(i);
  }
  return {
    parts: parts.packed(),
    broken: (rank, reason) => place(indexes[rank]).broken(`cannot be merged: ${reason}`),
  };
}

/**
 * Reads `merges.txt`: a merge a line, its parts with a space between. Lines that start with `#version`, empty ones and a byte order mark are
 * passed over.
 */
export function readMergeLines(text: string, place: (line: number) => JsonNode): WrittenMerges {
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  const parts = new PartPacker();
  const numbers: number[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i].endsWith('\r') ? lines[i].slice(0, -1) : lines[i];
    if (line === '' || line.startsWith('#version')) continue;
    if (!parts.addLine(line))
      throw place(i + 1).broken(`expected two parts with a space between them, but it has ${line.split(' ').length}`);
    numbers.push(i + 1);
  }
  return {
    parts: parts.packed(),
    broken: (rank, reason) => place(numbers[rank]).broken(`cannot be merged: ${reason}`),
  };
}

/** Packs the parts of merges without making an array of bytes for each. */
class PartPacker {
  private bytes = new Uint8Array(1 << 16);
  private offsets = new Uint32Array(1 << 12);
  private count = 0;
  private length = 0;

  /** Adds two parts with one space between them; false if there are more or fewer. */
  addLine(line: string): boolean {
    const space = line.indexOf(' ');
    if (space < 0 || line.includes(' ', space + 1)) return false;
    this.add(line.slice(0, space));
    this.add(line.slice(space + 1));
    return true;
  }

  /** Adds two strings in an array; false if they are not that. */
  addPair(pair: unknown): boolean {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string' || typeof pair[1] !== 'string')
      return false;
    this.add(pair[0]);
    this.add(pair[1]);
    return true;
  }

  packed(): PackedStrings {
    return new PackedStrings(this.bytes.subarray(0, this.length), this.offsets.subarray(0, this.count + 1));
  }

  private add(part: string): void {
    if (this.length + part.length * 3 > this.bytes.length)
      this.bytes = grown(this.bytes, new Uint8Array(this.bytes.length * 2 + part.length * 3));
    if (this.count + 2 > this.offsets.length)
      this.offsets = grown(this.offsets, new Uint32Array(this.offsets.length * 2));
    this.length += this.write(part);
    this.offsets[++this.count] = this.length;
  }

  private write(part: string): number {
    for (let i = 0; i < part.length; i++) {
      const unit = part.charCodeAt(i);
      if (unit >= 0x80) return encoder.encodeInto(part, this.bytes.subarray(this.length)).written;
      this.bytes[this.length + i] = unit;
    }
    return part.length;
  }
}

function grown<T extends Uint8Array | Uint32Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
