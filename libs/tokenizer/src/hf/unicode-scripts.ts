import { codePointAt, sequenceLength } from '../text/utf8.js';
import { scripts } from './character-tables.js';
import type { PieceStep } from './piece-steps.js';

/** A character of any script: it stays with what stands before it. */
const ANY = 0;

/** Cuts where the script changes. What stands before the first character of any script in particular is dropped. */
export const scriptsStep: PieceStep = ({ text, ranges }) => {
  const result: number[] = [];
  const scriptOf = scripts();
  for (let i = 0; i < ranges.length; i += 2) {
    let last = ANY;
    let open: number | undefined;
    for (let at = ranges[i]; at < ranges[i + 1]; at += sequenceLength(text.bytes[at])) {
      const script = scriptOf[codePointAt(text.bytes, at)];
      if (script === ANY || script === last) continue;
      if (open !== undefined) result.push(open, at);
      open = at;
      last = script;
    }
    if (open !== undefined) result.push(open, ranges[i + 1]);
  }
  return { text, ranges: result };
};
