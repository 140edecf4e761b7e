import type { ChatTemplate } from '@starling/chat';
import type { Clock } from '@starling/core';
import type { SpillStore } from '@starling/kvcache';
import type { SamplerOptions } from '@starling/sampler';
import type { TenantLimits } from '@starling/scheduler';
import type { Tokenizer } from '@starling/tokenizer';
import type { ModelRuntime } from '@starling/transformer';
import type { AsideWork } from './aside/aside-job.js';
import type { ConstraintCompiler } from './constraint.js';
import type { DraftModelParts } from './drafting/draft-model.js';
import type { SpeculationOptions } from './drafting/speculation-options.js';
import type { GenerateRequest } from './generate-types.js';

/** How requests of one model wait and share. */
export interface ServingOptions {
  /** Requests that may wait beyond those that can start at once. Default 256. */
  readonly queueLimit?: number;
  /** Once the queue was full, requests are refused until no more than this many wait. Default: `queueLimit` - 1. */
  readonly queueResumeBelow?: number;
  /** Requests of one tenant that may wait. Default: no limit of its own. */
  readonly tenantQueueLimit?: number;
  /** Prompt tokens that may wait. Default: no limit. */
  readonly queueTokenLimit?: number;
  /** The same three where they may change while the model serves: asked each time, in place of those above. */
  readonly queueLimits?: () => Pick<ServingOptions, 'queueLimit' | 'queueResumeBelow' | 'queueTokenLimit'>;
  /** What each tenant may have: sequences running, requests waiting, tokens a minute; a function where tenants differ. Default: no limits. */
  readonly tenantLimits?: TenantLimits | ((tenant: string) => TenantLimits);
  /** Milliseconds between two tokens of an answer that steps aim at while prompts are computed beside it. Default: 2.5 times those without prompts. */
  readonly targetInterTokenMs?: number;
  /** Prompt tokens of a step in which other sequences decode, in place of what a target comes to. */
  readonly promptTokensWhileDecoding?: number;
  /**
   * Compute tokens that are expected beside those that are known, where that is likely to be faster: the same tokens come, sooner. Default: true, by what
   * prompt and answer repeat and what a grammar forces.
   */
  readonly speculation?: boolean | SpeculationOptions;
  /** Keep computed tokens for later prompts of the same tenant that begin alike. Default true. */
  readonly prefixCache?: boolean;
  /** Compute what is known of a conversation's next turn while nothing else runs. Default true. */
  readonly idlePrefill?: boolean;
  /** Bytes for kept states of recurrent layers. Default: 64 states, at most 256 MiB. */
  readonly stateCacheBytes?: number;
  /** Sessions of one tenant that are held, at most. Default 64. */
  readonly sessionLimit?: number;
  /** Milliseconds without use after which a session closes: above 0, up to 1e12. Default an hour. */
  readonly sessionIdleMs?: number;
  /** Where computed tokens and sessions go that have no room in memory, and all at the end. Default: nowhere. It stays open. */
  readonly spillStore?: SpillStore;
  /** Milliseconds that it may take over one record. Default 5,000. */
  readonly spillPatienceMs?: number;
  /** Does long work beside the calling thread for `LanguageModel.beside`. Default in Node, for a model of a file: a thread of its own; else none. */
  readonly aside?: AsideWork;
  /** Changes each request of `generate` before it is looked at, or refuses it by throwing. Default: as it is. */
  readonly rewriteRequest?: (request: GenerateRequest) => GenerateRequest;
  /** Milliseconds since 1970, for sessions. */
  readonly wallClock?: () => number;
  readonly clock?: Clock;
}

/** All that a model of the engine is put together from. */
export interface ModelParts extends ServingOptions {
  readonly name: string;
  /** Where it came from, for people. Default `memory`. */
  readonly source?: string;
  readonly runtime: ModelRuntime;
  /** Digest of the weights: what is stored is only read again for the same. Default: the name. */
  readonly weightsDigest?: string;
  readonly tokenizer: Tokenizer;
  /** A smaller model with the same vocabulary that drafts answers: it is closed with this one. Absent: none does. */
  readonly draftModel?: DraftModelParts;
  /** Absent: the model has no chat template, and `messages` are refused. */
  readonly chatTemplate?: ChatTemplate;
  /** Metadata of the model file, for what it says of its tokens. */
  readonly metadata?: { get(key: string): unknown };
  /** What the model file recommends; a request's own parameters come first. */
  readonly samplerDefaults?: SamplerOptions;
  /** How much of each of the runtime's adapters is added where a request does not say. Default: 1 each. */
  readonly adapterScales?: readonly number[];
  /** In place of the engine's own compiler of grammars, schemas and expressions. */
  readonly compileConstraint?: ConstraintCompiler;
}
