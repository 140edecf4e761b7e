import type { GeneratePart } from './generate-types.js';
import type { LogLimits } from './part-log.js';

/**
 * What of an answer may lie unread, in tokens and alternatives of tokens (about 200 bytes each): then it is not gone on with until its reader
 * has caught up, and its slot is for others.
 */
export const UNREAD: LogLimits<GeneratePart> = { weigh: weightOf, high: 1024, low: 256 };

function weightOf(part: GeneratePart): number {
  return part.kind === 'token' ? 1 + (part.logprobs?.top.length ?? 0) + (part.draw?.candidates.length ?? 0) : 1;
}
