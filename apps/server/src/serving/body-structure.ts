import { StarlingError } from '@starling/core';

/**
 * Arrays and objects inside each other, at most: schemas of tools are the deepest that people send, at some twenty levels.
 * Everything behind this may walk a body by recursion.
 */
export const MAX_BODY_DEPTH = 128;
/**
 * Arrays and objects in all, strings (names of fields among them), and values: what is made of each takes far longer than its characters.
 * Conversations have some thousands of the first two, and prompts of token ids as many values as the longest contexts have tokens.
 */
export const MAX_BODY_CONTAINERS = 32_768;
export const MAX_BODY_STRINGS = 1 << 17;
export const MAX_BODY_VALUES = 1 << 20;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** Bytes that are looked at between two stops. */
export const PIECE_BYTES = 1 << 18;

/** Where the arrays and objects of a body are, in the order in which they begin. */
export interface BodyStructure {
  /** Past the bracket that closes each; 0 if none does. */
  readonly ends: readonly number[];
  /** The first one that begins behind each. */
  readonly following: readonly number[];
  /** Commas of each, without those of what it holds. */
  readonly commas: readonly number[];
  /** Past the closing quote of strings of more than `LONG_STRING` bytes, by the opening one. */
  readonly longStrings: ReadonlyMap<number, number>;
}

/** Bytes of a string of which it is kept where it ends. */
export const LONG_STRING = 1024;

/**
 * Counts brackets, quotes and commas, before anything is built of them, with stops on the way. Of what is not JSON, the parser speaks.
 * @param bytes UTF-8
 * @throws StarlingError invalid_request
 */
export function* structureSteps(bytes: Uint8Array): Generator<undefined, BodyStructure> {
  const ends: number[] = [];
  const following: number[] = [];
  const commas: number[] = [];
  const longStrings = new Map<number, number>();
  const open: number[] = [];
  let strings = 0;
  let values = 0;
  /** Where the string began that is being read. */
  let string = -1;
  for (let i = 0, stop = PIECE_BYTES; i < bytes.length; i++) {
    if (i >= stop) {
      stop += PIECE_BYTES;
      yield;
    }
    const code = bytes[i];
    if (string >= 0) {
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) {
        if (i - string > LONG_STRING) longStrings.set(string, i + 1);
        string = -1;
      }
    } else if (code === QUOTE) {
      string = i;
      if (++strings > MAX_BODY_STRINGS) throw refused(`has more than ${MAX_BODY_STRINGS} strings`, MAX_BODY_STRINGS, i);
    } else if (code === COMMA) {
      if (open.length > 0) commas[open[open.length - 1]]++;
      if (++values >= MAX_BODY_VALUES) throw refused(`has more than ${MAX_BODY_VALUES} values`, MAX_BODY_VALUES, i);
    } else if (code === 0x7b || code === 0x5b) {
      if (open.push(ends.length) > MAX_BODY_DEPTH)
        throw refused(`nests arrays and objects more than ${MAX_BODY_DEPTH} levels deep`, MAX_BODY_DEPTH, i);
      following.push(0);
      commas.push(0);
      if (ends.push(0) > MAX_BODY_CONTAINERS)
        throw refused(`has more than ${MAX_BODY_CONTAINERS} arrays and objects`, MAX_BODY_CONTAINERS, i);
    } else if (code === 0x7d || code === 0x5d) {
      const closed = open.pop();
      if (closed === undefined) continue;
      ends[closed] = i + 1;
      following[closed] = ends.length;
    }
  }
  return { ends, following, commas, longStrings };
}

function refused(problem: string, limit: number, offset: number): StarlingError {
  return new StarlingError('invalid_request', `the body ${problem}, at byte ${offset}; send a smaller one`, {
    details: { limit, offset },
  });
}
