import type { Clock } from '@starling/core';
import type { Scheduler } from '@starling/scheduler';
import type { AdapterBook, AdapterChoice } from './adapters.js';
import type { AnswerMemory } from './answer-memory.js';
import type { OutputMatcher } from './constraint.js';
import type { DraftModel } from './drafting/draft-model.js';
import type { SpeculationOptions } from './drafting/speculation-options.js';
import type { ModelEvent } from './events.js';
import type { IdlePrefill } from './idle-prefill.js';
import type { PreparedPrompt } from './prompt.js';
import type { PromptEncoder } from './prompt-encoder.js';
import type { ReasoningFrame } from './reasoning-budget.js';
import type { SampleVocabulary } from './sample-run.js';
import type { SessionTurn } from './session-turn.js';
import type { StepLoop } from './step-loop.js';
import type { Prepared } from './stopwatch.js';

/** What a generation needs of its model. */
export interface GenerationHost extends SampleVocabulary {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly loop: StepLoop;
  readonly clock: Clock;
  readonly adapters: AdapterBook;
  readonly encoder: PromptEncoder;
  readonly memory: AnswerMemory;
  /** A conversation was answered. */
  readonly answered: IdlePrefill['answered'];
  /** What an answer begins with where an encoder reads the prompt. */
  readonly decoderStart?: number;
  /** How answers are drafted. Absent: they are not. */
  readonly speculation?: SpeculationOptions & { readonly maxTokens: number };
  /** A model that drafts where nothing surer is known. */
  readonly draftModel?: DraftModel;
  readonly emit: (event: ModelEvent) => void;
}

/** What of a request is worked out before it runs. */
export interface PreparedRequest {
  readonly id: string;
  readonly prompt: PreparedPrompt;
  /** How long that took. */
  readonly prepared: Prepared;
  readonly adapters: AdapterChoice;
  /** Whose computed tokens it shares; undefined: nobody's. */
  readonly cacheKey: string | undefined;
  readonly constraint?: OutputMatcher;
  /** How the model reasons, where it may not reason for as long as it wants. */
  readonly reasoning?: ReasoningFrame;
  /** The session that it goes on from. */
  readonly turn?: SessionTurn;
}
