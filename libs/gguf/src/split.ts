import { invalidFile } from './file-error.js';
import type { GgufHeader } from './read-header.js';
import { LIMITS } from './limits.js';
import { shown } from './read-metadata.js';
import type { GgufPart } from './model.js';

const PART_NAME = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;

/** A file name of the form `name-00001-of-00003.gguf`, taken apart. */
export interface PartName {
  readonly prefix: string;
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

/** Takes the name of a split model's part apart; undefined for any other name. */
export function parsePartName(path: string): PartName | undefined {
  const match = PART_NAME.exec(path);
  if (match === null) return undefined;
  const [, prefix, number, count] = match;
  return { prefix, index: Number(number) - 1, count: Number(count) };
}

/** The name of a part: `index` from 0. */
export function partName(prefix: string, index: number, count: number): string {
  return `${prefix}-${String(index + 1).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.gguf`;
}

/** How many parts a header says its model has: 1 if it says nothing. */
function partCount(header: GgufHeader, file: string): number {
  const count = header.metadata.get('split.count')?.value ?? 1;
  if (typeof count === 'number' && Number.isInteger(count) && count >= 0 && count <= LIMITS.parts)
    return Math.max(count, 1);
  throw invalidFile(file, `split.count is ${shown(count)}; a number up to ${LIMITS.parts} is needed`);
}

/**
 * Checks that the parts are all those of one model, in order.
 * @throws StarlingError invalid_model_file
 */
export function checkParts(parts: readonly GgufPart[]): void {
  const [first] = parts;
  const count = partCount(first.header, first.source.name);
  if (count !== parts.length) {
    throw invalidFile(
      first.source.name,
      `is one of ${count} parts of a split model; ${parts.length} ${parts.length === 1 ? 'was' : 'were'} given`,
      { count, given: parts.length },
    );
  }
  if (count === 1) return;
  parts.forEach(({ source, header }, index) => {
    const number = header.metadata.get('split.no')?.value;
    if (number !== index || partCount(header, source.name) !== count) {
      throw invalidFile(
        source.name,
        `says it is part ${shown(number)} (from 0) of ${partCount(header, source.name)}, where part ${index} of ${count} is needed`,
      );
    }
  });
  const declared = first.header.metadata.get('split.tensors.count')?.value;
  if (declared === undefined) return;
  for (const { source, header } of parts) {
    const own = header.metadata.get('split.tensors.count')?.value;
    if (own !== undefined && own !== declared) {
      throw invalidFile(
        source.name,
        `is a part of another model: its model has ${shown(own)} tensors by split.tensors.count, that of ${first.source.name} has ${shown(declared)}`,
      );
    }
  }
  const found = parts.reduce((sum, { header }) => sum + header.tensors.length, 0);
  if (declared !== found) {
    const held = parts.map(({ source, header }) => `${source.name} holds ${header.tensors.length}`).join(', ');
    throw invalidFile(
      first.source.name,
      `the parts do not belong together: split.tensors.count is ${shown(declared)}, but there are ${found} tensors (${held}); one of the parts is of another model`,
    );
  }
}
