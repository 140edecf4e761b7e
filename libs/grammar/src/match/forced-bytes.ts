import { STUCK } from '../machine/machine.js';
import { isSpace } from '../json/white-space.js';
import { stepThreads, type Threads } from './threads.js';

/** White space that a text has after a byte, where it may stand and need not. */
export type SpaceHabit = (after: number) => readonly number[];

/** A text that can be read in more ways is not looked at: it is seldom forced, and each way takes its time. */
const MOST_THREADS = 8;

/** The one byte that can come besides white space, and whether white space can. */
interface OnlyByte {
  readonly byte: number;
  readonly maySpace: boolean;
}

/**
 * Bytes that must come, one after another, up to where several can, or the output may end. White space that may come as well is put where the
 * text has it by habit.
 * @param last the byte before
 * @param limit bytes, at most
 */
export function forcedBytes(
  threads: Threads,
  last: number | undefined,
  limit: number,
  spaceAfter: SpaceHabit,
): number[] {
  const bytes: number[] = [];
  let at = threads;
  const take = (byte: number): boolean => {
    const next = stepThreads(at, byte);
    if (next.list.length === 0 && !next.canEnd) return false;
    bytes.push(byte);
    at = next;
    return true;
  };
  while (bytes.length < limit && !at.canEnd) {
    const only = onlyByte(at);
    if (only === undefined) break;
    const before = bytes.at(-1) ?? last;
    if (only.maySpace && before !== undefined && !isSpace(before))
      for (const space of spaceAfter(before)) if (!take(space)) break;
    if (!take(only.byte)) break;
  }
  return bytes;
}

function onlyByte({ list }: Threads): OnlyByte | undefined {
  if (list.length > MOST_THREADS) return undefined;
  let byte: number | undefined;
  let maySpace = false;
  for (const { activation, state } of list) {
    const { machine } = activation;
    if (machine.tokenMoves(state).length > 0) return undefined;
    for (let one = 0; one < 256; one++) {
      if (one === byte || (maySpace && isSpace(one)) || machine.next(state, one) === STUCK) continue;
      if (isSpace(one)) maySpace = true;
      else if (byte === undefined) byte = one;
      else return undefined;
    }
  }
  return byte === undefined ? undefined : { byte, maySpace };
}
