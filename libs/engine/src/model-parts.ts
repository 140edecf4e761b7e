import type { ChatTemplate } from '@starling/chat';
import type { Clock } from '@starling/core';
import type { SamplerOptions } from '@starling/sampler';
import type { Tokenizer } from '@starling/tokenizer';
import type { ModelRuntime } from '@starling/transformer';
import type { ConstraintCompiler } from './constraint.js';

/** How requests of one model wait and share. */
export interface ServingOptions {
  /** Requests that may wait beyond those that can start at once. Default 256. */
  readonly queueLimit?: number;
  /** Once the queue was full, requests are refused until no more than this many wait. */
  readonly queueResumeBelow?: number;
  /** Requests of one tenant that may wait. */
  readonly tenantQueueLimit?: number;
  /** Prompt tokens of a step in which other sequences decode. Default: a quarter of the runtime's maxBatchTokens. */
  readonly promptTokensWhileDecoding?: number;
  readonly clock?: Clock;
}

/** All that a model of the engine is put together from. */
export interface ModelParts extends ServingOptions {
  readonly name: string;
  /** Where it came from, for people. Default `memory`. */
  readonly source?: string;
  readonly runtime: ModelRuntime;
  readonly tokenizer: Tokenizer;
  /** Absent: the model has no chat template, and `messages` are refused. */
  readonly chatTemplate?: ChatTemplate;
  /** Metadata of the model file, for what it says of its tokens. */
  readonly metadata?: { get(key: string): unknown };
  /** What the model file recommends; a request's own parameters come first. */
  readonly samplerDefaults?: SamplerOptions;
  /** In place of the engine's own compiler of grammars, schemas and expressions. */
  readonly compileConstraint?: ConstraintCompiler;
}
