import type { ChatMessage } from '@starling/chat';
import type { AdapterBook, AdapterChoice } from './adapters.js';
import type { Steps } from './aside/steps.js';
import type { AnswerState, SavedAnswerState } from './answer-state.js';
import type { Thread, Turn } from './session-thread.js';

const VERSION = 1;

/** What is kept with a stored session beside its tokens. */
interface Memo {
  readonly version: number;
  readonly adapters: AdapterChoice['applied'];
  readonly rendering: Thread['rendering'];
  /** The last conversation; earlier turns have its first so many messages. */
  readonly messages?: readonly ChatMessage[];
  readonly turns: readonly { readonly tokens: number; readonly answerFrom: number; readonly messages?: number }[];
  readonly cut?: SavedAnswerState;
}

/** A thread as text. */
export function writeMemo({ adapters, rendering, turns, cut }: Thread): string {
  const messages = turns.at(-1)?.conversation?.();
  const memo: Memo = {
    version: VERSION,
    adapters: adapters.applied,
    rendering,
    ...(messages && { messages }),
    turns: turns.map(({ tokens, answerFrom, conversation }) => {
      const own = conversation?.();
      const isBeginning =
        own !== undefined && messages !== undefined && own.every((message, i) => message === messages[i]);
      return { tokens, answerFrom, ...(isBeginning && { messages: own.length }) };
    }),
    ...(cut && { cut: cut.saved() }),
  };
  return JSON.stringify(memo);
}

/** The adapters that a stored session's tokens were computed with; undefined if they are not all here. */
export function adaptersOf(text: string, book: AdapterBook): AdapterChoice | undefined {
  const memo = parsed(text);
  return memo && book.chooseByDigest(memo.adapters);
}

/**
 * The thread of a text.
 * @param restore makes the state of an answer that was cut, from where it began
 */
export function readMemo(
  text: string,
  adapters: AdapterChoice,
  restore: (saved: SavedAnswerState, answerFrom: number) => Steps<AnswerState | undefined>,
): Thread {
  const memo = parsed(text);
  if (memo === undefined) return { adapters, turns: [], rendering: {} };
  const { rendering, messages = [], cut } = memo;
  const turns = memo.turns.map(
    ({ tokens, answerFrom, messages: count }): Turn => ({
      tokens,
      answerFrom,
      ...(count !== undefined && { conversation: () => messages.slice(0, count) }),
    }),
  );
  const answerFrom = turns.at(-1)?.answerFrom ?? 0;
  return {
    adapters,
    turns,
    rendering,
    ...(cut && { cut: { saved: () => cut, resume: () => restore(cut, answerFrom) } }),
  };
}

/** Files come from elsewhere, too. */
function isSound(memo: Partial<Memo> | null): boolean {
  if (typeof memo !== 'object' || memo === null || memo.version !== VERSION) return false;
  const { adapters, rendering, messages = [], turns } = memo;
  const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
  return (
    Array.isArray(adapters) &&
    adapters.every((one: unknown) => typeof one === 'object' && one !== null) &&
    typeof rendering === 'object' &&
    Array.isArray(messages) &&
    messages.every((message: unknown) => typeof (message as { role?: unknown } | null)?.role === 'string') &&
    Array.isArray(turns) &&
    turns.every(
      (turn) =>
        isCount(turn.tokens) &&
        isCount(turn.answerFrom) &&
        turn.answerFrom <= turn.tokens &&
        (turn.messages === undefined || isCount(turn.messages)),
    )
  );
}

/** Undefined for what another version wrote: the session is then one of text. */
function parsed(text: string): Memo | undefined {
  try {
    const memo = JSON.parse(text) as Memo;
    return isSound(memo) ? memo : undefined;
  } catch {
    return undefined;
  }
}
