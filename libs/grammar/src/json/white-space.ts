import { STUCK } from '../machine/machine.js';

/** Spaces and tabs behind a line break: sixteen levels of two. More would let a model ramble. */
const MAX_INDENT = 32;

/** White space between two parts as a number: 0 is none, 1 a space, 2 and 3 are one and two line breaks, more are those with indentation. */
const SPACE = 1;
const BREAK = 2;
const TWO_BREAKS = 3;
export const SPACE_STATES = TWO_BREAKS + 1 + MAX_INDENT;

export const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** What becomes of white space with one more byte of it: what people and programs put there is a space, or line breaks with indentation. */
export function spaceAfter(space: number, byte: number): number {
  if (space === 0) return byte === 0x20 ? SPACE : byte === 0x0a ? BREAK : STUCK;
  if (space === BREAK && byte === 0x0a) return TWO_BREAKS;
  if (space === SPACE || (byte !== 0x20 && byte !== 0x09) || space === SPACE_STATES - 1) return STUCK;
  return Math.max(space, TWO_BREAKS) + 1;
}
