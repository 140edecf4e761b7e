import type { ChatMessage } from '@starling/chat';
import type { AdapterChoice } from './adapters.js';
import type { CutAnswer } from './answer-state.js';
import type { GenerateRequest } from './generate-types.js';

/** The end of an answer: from here a conversation can be gone on from. */
export interface Turn {
  readonly tokens: number;
  /** Where the answer began. */
  readonly answerFrom: number;
  /** The conversation so far, read from the answer when it is first asked for; undefined for text, and for an answer that is no message. */
  readonly conversation?: () => readonly ChatMessage[] | undefined;
}

/** What is known of a session beside its tokens. */
export interface Thread {
  /** What its tokens are computed with. */
  readonly adapters: AdapterChoice;
  readonly turns: readonly Turn[];
  /** What the conversation was rendered with last. */
  readonly rendering: Pick<GenerateRequest, 'tools' | 'templateVariables'>;
  /** The last answer, if it was cut and nothing came after it: its sampler and its grammar can go on. */
  readonly cut?: CutAnswer;
}

export const NEW_THREAD: Thread = { adapters: { applied: [] }, turns: [], rendering: {} };

/** Positions from which messages can go on. */
export const conversationEnds = (turns: readonly Turn[]): number[] =>
  turns.filter(({ conversation }) => conversation !== undefined).map(({ tokens }) => tokens);

/** Where a thread can be rewound to: the ends of answers from which messages can go on; of text alone, those of all answers. */
export function turnEnds({ turns }: Thread): number[] {
  const ends = conversationEnds(turns);
  // What was cut off inside of a turn ends with no answer.
  return ends.length > 0
    ? ends
    : turns.filter(({ tokens, answerFrom }) => answerFrom < tokens).map(({ tokens }) => tokens);
}

/** What is left of a thread when its tokens are cut. */
export function cutThread({ adapters, turns, rendering, cut }: Thread, length: number): Thread {
  const kept = turns.filter((turn) => turn.tokens <= length);
  const last = kept.at(-1);
  if (length === 0 || last?.tokens === length)
    return { adapters, turns: kept, rendering, ...(last === turns.at(-1) && cut && { cut }) };
  return { adapters, turns: [...kept, { tokens: length, answerFrom: length }], rendering };
}
