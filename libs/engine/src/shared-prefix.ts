import { StarlingError, assert } from '@starling/core';
import { sharedKeyOf, type KvCache, type ModelIdentity } from '@starling/kvcache';
import type { Scheduler, SequenceHandle } from '@starling/scheduler';
import type { AdapterChoice } from './adapters.js';
import type { StepCaller, Steps } from './aside/steps.js';
import type { ChatInput } from './chat-types.js';
import { DIFFERENT_TEXTS, commonBeginning, messageAfter, type CommonBeginning } from './common-beginning.js';
import type { GenerateRequest, PromptInput } from './generate-types.js';
import { INTERNAL_TENANT } from './internal-work.js';
import type { EngineModelInfo } from './model-types.js';
import type { PromptParts } from './prompt.js';
import { failureOf } from './request-terms.js';
import type { StepLoop } from './step-loop.js';

/**
 * What prompts of all tenants may begin with: a text, tokens, or the first messages of a conversation, with all that a template shows beside them.
 * Messages that do not end with the user's are followed by one of the user, or by the result of the tool that is called.
 */
export type SharedPrefix = PromptInput & Pick<ChatInput, 'tools' | 'templateVariables' | 'documents'>;

export interface SharedPrefixParts {
  readonly promptParts: PromptParts;
  readonly cache: KvCache;
  readonly scheduler: Scheduler;
  readonly loop: StepLoop;
  /** What requests are computed with that do not say. */
  readonly adapters: AdapterChoice;
  readonly info: EngineModelInfo;
  readonly identity: ModelIdentity;
  readonly beside: <T>(steps: Steps<T>, caller: StepCaller) => Promise<T>;
}

/** How a text may go on: what all of these begin with is the same whatever follows. */
const CONTINUATIONS = [...DIFFERENT_TEXTS, ' a', '\n'];

/**
 * Computes a beginning, and has it stay for all tenants: since it is there before anybody asks, it tells nothing of who asked.
 * @returns its tokens
 * @throws StarlingError not_supported, invalid_request for a prompt that is none, context_length_exceeded if it leaves no room for more, and what a step throws
 */
export async function sharePrefix(parts: SharedPrefixParts, prefix: SharedPrefix): Promise<number> {
  const { promptParts, cache, scheduler, info, identity, adapters } = parts;
  if (!cache.keepsPrefixes || !sharesPrefixes(info))
    throw new StarlingError(
      'not_supported',
      `model ${info.name} keeps nothing of prompts that others could begin with`,
      { details: { param: 'sharedPrefixes', model: info.name } },
    );
  const key = sharedKeyOf({ model: identity, adapters: adapters.applied });
  const beginning = await parts.beside(commonBeginning(promptsAfter(prefix), promptParts), {});
  if (beginning === undefined)
    throw new StarlingError('invalid_request', 'a shared prefix comes to no token: what follows changes all of it', {
      details: { param: 'sharedPrefixes' },
    });
  const { tokens } = beginning;
  const limit = scheduler.sequenceLimit;
  if (tokens.length >= limit)
    throw new StarlingError(
      'context_length_exceeded',
      `a shared prefix has ${tokens.length} tokens; with what follows a prompt can have ${limit}`,
      { details: { promptTokens: tokens.length, limit } },
    );
  await new Promise<void>((resolve) => {
    if (cache.restore(key, tokens, tokens.length, resolve) === undefined) resolve();
  });
  if (cache.known(key, tokens) < tokens.length) await compute(parts, key, beginning);
  assert(cache.known(key, tokens) === tokens.length, `all ${tokens.length} tokens of a shared prefix are kept`);
  return cache.share(key, tokens);
}

/** Whether prompts of a model can begin with what others begin with: it generates, token after token. */
export const sharesPrefixes = ({ hasLogits, causal, decoderStart }: EngineModelInfo): boolean =>
  hasLogits && causal && decoderStart === undefined;

/** Prompts that go on after it in different ways. */
function promptsAfter(prefix: SharedPrefix): GenerateRequest[] {
  const { prompt, messages } = prefix;
  if (prompt !== undefined) return CONTINUATIONS.map((text) => ({ ...prefix, prompt: prompt + text }));
  const last = messages?.at(-1);
  if (messages === undefined || last === undefined || last.role === 'user') return [prefix];
  return DIFFERENT_TEXTS.map((text) => ({ ...prefix, messages: [...messages, messageAfter(last, text)] }));
}

async function compute(
  { scheduler, loop, adapters }: SharedPrefixParts,
  key: string,
  { tokens, checkpoints }: CommonBeginning,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const handle: SequenceHandle = scheduler.submit({
      id: 'shared prefix',
      tokens,
      tenant: INTERNAL_TENANT,
      isInternal: true,
      maxTokens: 0,
      cacheKey: key,
      checkpoints,
      adapterScales: adapters.scales,
      onEnd: (end) => {
        loop.detach(handle);
        const failure = failureOf(end, 'computing a shared prefix');
        if (failure) reject(failure);
        else resolve();
      },
    });
    loop.attach(handle, { takeRow: ({ sequence }) => scheduler.finish(sequence) });
  });
}
