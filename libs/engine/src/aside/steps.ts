import type { ChatMessage, ChatPrompt, RenderOptions } from '@starling/chat';
import { monotonicClock } from '@starling/core';
import type { EncodeOptions, Tokenizer } from '@starling/tokenizer';
import { Breather } from '../breather.js';
import type { WaitingCompiler } from '../compile-constraint.js';
import type { OutputConstraint } from '../generate-types.js';
import type { AsideWork } from './aside-job.js';

/** What work on a request needs that may take long. */
export type LongStep =
  | { readonly kind: 'encode'; readonly text: string; readonly options: EncodeOptions }
  /** A long conversation is rendered next, unless `take` is told what it comes to. */
  | {
      readonly kind: 'render';
      readonly source: string;
      readonly messages: readonly ChatMessage[];
      readonly options: RenderOptions;
      readonly take: (prompt: ChatPrompt) => void;
    }
  /** The constraint is compiled next. */
  | { readonly kind: 'compile'; readonly constraint: OutputConstraint }
  /** Something is to be waited for; where nobody can wait, it is done without. */
  | { readonly kind: 'wait'; readonly work: () => Promise<void> }
  /** Others may run, if this has taken long. */
  | { readonly kind: 'pause' };

/** Work on a request that stops at each long step, and goes on with the ids of a text that was one: at once, or when it was done beside. */
export type Steps<T> = Generator<LongStep, T, Uint32Array>;

/** Characters of a text that is tokenized at once: some milliseconds. */
export const LONG_TEXT = 1 << 15;

/** How long steps hold the thread before others have a turn. */
const PIECE_MS = 5;

const NOTHING = new Uint32Array(0);

/** The ids of a text, asked for where it is long. */
export function* encoded(tokenizer: Tokenizer, text: string, options: EncodeOptions = {}): Steps<Uint32Array> {
  return text.length > LONG_TEXT ? yield { kind: 'encode', text, options } : tokenizer.encode(text, options);
}

/** Does all steps on the calling thread. */
export function atOnce<T>(steps: Steps<T>, tokenizer: Tokenizer): T {
  let step = steps.next();
  while (step.done !== true)
    step = steps.next(step.value.kind === 'encode' ? tokenizer.encode(step.value.text, step.value.options) : NOTHING);
  return step.value;
}

/** Whose work it is, and until when somebody waits for it. */
export interface StepCaller {
  readonly tenant?: string;
  readonly signal?: AbortSignal;
}

/** Does long steps beside the calling thread. @param compiler absent: constraints are compiled at once */
export async function beside<T>(
  steps: Steps<T>,
  aside: AsideWork,
  compiler: Pick<WaitingCompiler, 'prepare'> | undefined,
  caller: StepCaller,
): Promise<T> {
  const { tenant, signal } = caller;
  const breather = new Breather(PIECE_MS, monotonicClock);
  let step = steps.next();
  while (step.done !== true) {
    let ids: Uint32Array = NOTHING;
    try {
      if (step.value.kind === 'encode')
        ({ ids } = await aside.do('encode', { ...step.value, withOffsets: false }, { tenant, signal }));
      else if (step.value.kind === 'render') {
        const { source, messages, options, take } = step.value;
        take(await aside.do('render', { source, messages, options }, { tenant, signal }));
      } else if (step.value.kind === 'wait') await step.value.work();
      else if (step.value.kind === 'pause') {
        if (breather.isDue) await breather.pause();
      } else await compiler?.prepare(step.value.constraint, aside, { tenant, signal });
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(ids);
  }
  return step.value;
}
