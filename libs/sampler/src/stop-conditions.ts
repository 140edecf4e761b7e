import type { Deadline } from '@starling/core';
import { StopMonitor } from './stop-monitor.js';

/** Why a generation ended. */
export type StopReason =
  | { readonly kind: 'end_of_generation'; readonly id: number }
  | { readonly kind: 'stop_string'; readonly text: string }
  /** What it is held to (a grammar, a schema) is whole. */
  | { readonly kind: 'constraint_complete' }
  | { readonly kind: 'max_tokens'; readonly limit: number }
  | { readonly kind: 'context_end'; readonly limit: number }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'cancelled' };

/** The word for it in an answer. */
export type FinishReason = 'stop' | 'length' | 'deadline' | 'cancelled';

/** The word that the APIs use for a reason. */
export function finishReasonOf(reason: StopReason): FinishReason {
  switch (reason.kind) {
    case 'end_of_generation':
    case 'stop_string':
    case 'constraint_complete':
      return 'stop';
    case 'max_tokens':
    case 'context_end':
      return 'length';
    case 'deadline':
    case 'cancelled':
      return reason.kind;
  }
}

/** When to stop. What is left out never stops anything. */
export interface StopRules {
  /** The tokens that end a generation; give none to ignore them. */
  readonly endOfGeneration?: ReadonlySet<number>;
  readonly stop?: readonly string[];
  /** How many tokens may be generated. */
  readonly maxTokens?: number;
  /** How many tokens the context holds, prompt included... */
  readonly contextTokens?: number;
  /** ...and how many of them the prompt takes. */
  readonly promptTokens?: number;
  readonly deadline?: Deadline;
}

/** What of the text may be shown after a token, and why this was the last one, if it was. */
export interface StopStep {
  readonly emit: string;
  readonly reason?: StopReason;
}

/**
 * Decides after each token whether the generation ends. An end token counts before everything else, then stop strings, then the
 * limits, then the deadline. Joined, the emitted texts are the whole text without the stop string.
 */
export class StopConditions {
  private readonly monitor: StopMonitor;
  private generated = 0;

  constructor(private readonly rules: StopRules) {
    this.monitor = new StopMonitor(rules.stop ?? []);
  }

  /** Takes a generated token and the text that it added (whole characters). */
  accept(id: number, text: string): StopStep {
    this.generated++;
    const { endOfGeneration, maxTokens, contextTokens, promptTokens = 0, deadline } = this.rules;
    if (endOfGeneration?.has(id)) return this.end({ kind: 'end_of_generation', id }, this.monitor.push(text).emit);
    const { emit, stopped } = this.monitor.push(text);
    if (stopped !== undefined) return { emit, reason: { kind: 'stop_string', text: stopped } };
    if (maxTokens !== undefined && this.generated >= maxTokens)
      return this.end({ kind: 'max_tokens', limit: maxTokens }, emit);
    if (contextTokens !== undefined && promptTokens + this.generated >= contextTokens)
      return this.end({ kind: 'context_end', limit: contextTokens }, emit);
    if (deadline?.hasPassed()) return this.end({ kind: 'deadline' }, emit);
    return { emit };
  }

  /** Ends for a reason from outside (or, with the text that the decoder still held, at the end): gives the text that was held back. */
  end(reason: StopReason, text = ''): Required<StopStep> {
    return { emit: text + this.monitor.flush(), reason };
  }
}
