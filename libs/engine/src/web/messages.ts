import { StarlingError, isStarlingError, messageOf, type ErrorCode } from '@starling/core';
import type { ChatPart, ChatRequest } from '../chat/answer-chat.js';
import type { GeneratePart, GenerateRequest } from '../generate-types.js';
import type { EngineModelInfo, ModelMemory } from '../model-types.js';
import type { WebLoadProgress, WorkerLoadOptions } from './load-options.js';
import type { ModelCall } from './model-calls.js';
import type { WebSource } from './source.js';

/** What the page tells the worker. `id` numbers what it asks for; all that comes of it carries the same. */
export type ToWorker =
  | { readonly kind: 'load'; readonly id: number; readonly source: WebSource; readonly options: WorkerLoadOptions }
  | { readonly kind: 'generate'; readonly id: number; readonly request: GenerateRequest }
  /** The same, the answer being read as a message. */
  | { readonly kind: 'chat'; readonly id: number; readonly request: ChatRequest }
  | { readonly kind: 'call'; readonly id: number; readonly call: ModelCall; readonly given: readonly unknown[] }
  /** There is room for one more part. */
  | { readonly kind: 'read'; readonly id: number }
  /** Nobody wants it any more. */
  | { readonly kind: 'cancel'; readonly id: number };

/** What the worker tells the page. */
export type FromWorker =
  | { readonly kind: 'progress'; readonly id: number; readonly progress: WebLoadProgress }
  | { readonly kind: 'begun'; readonly id: number; readonly prompt: WebPrompt }
  | { readonly kind: 'part'; readonly id: number; readonly part: GeneratePart | ChatPart }
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: PlainError };

/** The prompt of a generation as the model gets it. */
export interface WebPrompt {
  readonly tokens: Uint32Array;
  /** Of `messages`: as the chat template rendered them. */
  readonly text?: string;
}

/** What a loaded model is. */
export interface LoadedModel {
  readonly info: EngineModelInfo;
  readonly memory: ModelMemory;
}

/** An error as it crosses over: structured cloning would leave nothing of its code. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export function toPlain(thrown: unknown): PlainError {
  if (!isStarlingError(thrown)) return { code: 'internal', message: messageOf(thrown), details: {} };
  const { code, message, details } = thrown;
  return { code, message, details };
}

export const fromPlain = ({ code, message, details }: PlainError): StarlingError =>
  new StarlingError(code, message, { details });

/** Parts of an answer that may be under way from the worker to the page. */
export const PARTS_ON_THE_WAY = 64;
