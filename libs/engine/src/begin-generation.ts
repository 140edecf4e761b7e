import type { AnswerParser } from '@starling/chat';
import { isStarlingError } from '@starling/core';
import type { SamplerOptions } from '@starling/sampler';
import { shapeAfter } from './answer-state.js';
import type { AdapterBook } from './adapters.js';
import type { Steps } from './aside/steps.js';
import type { CacheKeyOf } from './cache-keys.js';
import { checkGenerate, checkReadPrompt } from './check-generate.js';
import type { ConstraintCompiler } from './constraint.js';
import type { GenerateRequest, Generation } from './generate-types.js';
import type { GenerationHost } from './generation-host.js';
import { GenerationRun } from './generation-run.js';
import { promptSteps, type PromptParts } from './prompt.js';
import { reasoningFrameAfter } from './reasoning-budget.js';
import type { SessionBook } from './session-book.js';
import type { SessionTurn } from './session-turn.js';

/** What requests of a model begin with. */
export interface GenerationDesk {
  readonly host: GenerationHost;
  readonly promptParts: PromptParts;
  readonly sessions: SessionBook;
  readonly adapters: AdapterBook;
  readonly cacheKeyOf: CacheKeyOf;
  readonly compileConstraint: ConstraintCompiler;
  readonly answerParser: () => AnswerParser;
  readonly samplerDefaults: SamplerOptions;
  /** What becomes of a request before it is looked at. */
  readonly rewrite: (request: GenerateRequest) => GenerateRequest;
  /** @throws StarlingError if the model generates nothing, or nothing more */
  readonly checkUsable: () => void;
  /** Work that is done while nothing else runs makes room. */
  readonly arrives: () => void;
  /** @throws StarlingError context_length_exceeded */
  readonly checkContext: (tokens: number, toGenerate: number) => void;
}

/** Checks and queues a request, in steps. @throws StarlingError as `LanguageModel.generate` */
export function* beginGeneration(desk: GenerationDesk, asked: GenerateRequest, id: string): Steps<Generation> {
  const { host } = desk;
  const { name: model, emit, decoderStart } = host;
  let turn: SessionTurn | undefined;
  const began = host.clock();
  try {
    desk.checkUsable();
    const request = desk.rewrite(asked);
    checkGenerate(request);
    if (decoderStart !== undefined) checkReadPrompt(request, model);
    desk.arrives();
    // Before the work of tokenizing and compiling: a full queue is when there is no time for it.
    const { tenant, weight, priority, maxPriority, cacheSalt, cachePrompt = true } = request;
    host.scheduler.checkQueue({ tenant, weight, priority, maxPriority }, id);
    turn = decoderStart === undefined ? yield* desk.sessions.begin(request) : undefined;
    const adapters = turn?.adapters ?? desk.adapters.choose(request.adapters);
    const cacheKey =
      turn?.session.cacheKey ??
      (cachePrompt ? desk.cacheKeyOf({ tenant, salt: cacheSalt, adapters: adapters.applied }) : undefined);
    const prompt = turn?.prompt ?? (yield* promptSteps(request, desk.promptParts, cacheKey));
    desk.checkContext(prompt.tokens.length + (decoderStart === undefined ? 0 : 1), request.maxTokens === 0 ? 0 : 1);
    const tokenized = host.clock();
    const shape = shapeAfter(prompt.text, request, desk.answerParser);
    if (shape) yield { kind: 'compile', constraint: shape };
    const constraint = shape && desk.compileConstraint(shape, tenant);
    // Meanwhile the model may have been told to end.
    desk.checkUsable();
    desk.arrives();
    const prepared = { tokenizeMs: tokenized - began, grammarMs: shape ? host.clock() - tokenized : 0 };
    const run = new GenerationRun(
      host,
      { ...desk.samplerDefaults, ...definedOnly({ ...request, ...shape }) },
      {
        id,
        prompt,
        prepared,
        adapters,
        cacheKey,
        constraint,
        reasoning: reasoningFrameAfter(prompt.text, request, desk.answerParser),
        turn,
      },
    );
    emit({ kind: 'request_queued', model, id, promptTokens: prompt.tokens.length });
    return run;
  } catch (error) {
    turn?.abandon();
    if (isStarlingError(error)) emit({ kind: 'request_rejected', model, id, code: error.code });
    throw error;
  }
}

/** Parameters that are given, so that undefined does not hide a default of the model. */
function definedOnly(request: GenerateRequest): GenerateRequest {
  return Object.fromEntries(
    Object.entries(request).filter(([, value]) => value !== undefined && value !== null),
  ) as GenerateRequest;
}
