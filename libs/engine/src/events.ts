import type { ErrorCode } from '@starling/core';
import type { CacheEvent } from '@starling/kvcache';
import type { WorkEvent } from '@starling/scheduler';
import type { RequestOutcome, Timings, Usage } from './generate-types.js';

/** What one model tells of its work. Times are milliseconds. */
export type ModelEvent =
  | { readonly kind: 'request_queued'; readonly model: string; readonly id: string; readonly promptTokens: number }
  | { readonly kind: 'request_rejected'; readonly model: string; readonly id: string; readonly code: ErrorCode }
  /** The first step that works on it begins. */
  | { readonly kind: 'request_started'; readonly model: string; readonly id: string; readonly queueMs: number }
  | { readonly kind: 'first_token'; readonly model: string; readonly id: string; readonly firstTokenMs: number }
  /** A later token of one of its samples; `intervalMs` since the one before. */
  | { readonly kind: 'next_token'; readonly model: string; readonly id: string; readonly intervalMs: number }
  | {
      readonly kind: 'request_ended';
      readonly model: string;
      readonly id: string;
      readonly outcome: RequestOutcome;
      readonly usage: Usage;
      readonly timings: Timings;
    }
  /** What the scheduler and the cache tell. */
  | (WorkEvent & { readonly model: string })
  | (Exclude<CacheEvent, { kind: 'pages_released' }> & { readonly model: string })
  /** So many tokens of a next turn were computed while nothing else ran. */
  | { readonly kind: 'computed_ahead'; readonly model: string; readonly tokens: number }
  | {
      readonly kind: 'step';
      readonly model: string;
      readonly durationMs: number;
      readonly sampleMs: number;
      readonly sequences: number;
      readonly promptTokens: number;
      readonly decodedTokens: number /** Sequences with drafts. */;
      readonly drafts: number;
    }
  /** A step of the draft model, between two steps. */
  | { readonly kind: 'draft_step'; readonly model: string; readonly durationMs: number; readonly answers: number }
  | {
      readonly kind: 'step_failed';
      readonly model: string;
      readonly code: ErrorCode;
      readonly message: string;
      readonly willRetry: boolean;
    };

/** What a registry tells of its models. */
export type RegistryEvent =
  | { readonly kind: 'model_loading'; readonly model: string; readonly source: string }
  | {
      readonly kind: 'model_loaded';
      readonly model: string;
      readonly source: string;
      readonly durationMs: number;
      readonly bytes: number;
    }
  | {
      readonly kind: 'model_failed';
      readonly model: string;
      readonly source: string;
      readonly code: ErrorCode;
      readonly message: string;
    }
  | { readonly kind: 'model_unloaded'; readonly model: string };

export type EngineEvent = ModelEvent | RegistryEvent;
