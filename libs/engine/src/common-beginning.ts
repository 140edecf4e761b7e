import type { ChatMessage } from '@starling/chat';
import type { Steps } from './aside/steps.js';
import type { GenerateRequest } from './generate-types.js';
import { promptSteps, type PromptParts } from './prompt.js';

/** What several prompts begin with. */
export interface CommonBeginning {
  readonly tokens: Uint32Array;
  /** Positions at which prompts are likely to part, and its end. */
  readonly checkpoints: readonly number[];
}

/** A beginning of a message, of which no two begin with the same token. */
export const DIFFERENT_TEXTS = ['a', '0'] as const;

/** The tokens that all of these prompts have in common, before the last of the shortest; undefined: none. */
export function* commonBeginning(
  requests: readonly GenerateRequest[],
  parts: PromptParts,
  scope?: string,
): Steps<CommonBeginning | undefined> {
  let common: CommonBeginning | undefined;
  for (const request of requests) {
    const { tokens, checkpoints } = yield* promptSteps(request, parts, scope);
    let length = 0;
    while (
      length < Math.min(tokens.length, common?.tokens.length ?? Infinity) &&
      (common === undefined || common.tokens[length] === tokens[length])
    )
      length++;
    common = { tokens: tokens.slice(0, length), checkpoints: common?.checkpoints ?? checkpoints };
  }
  if (common === undefined || common.tokens.length === 0) return undefined;
  const { tokens, checkpoints } = common;
  return {
    tokens,
    checkpoints: [...checkpoints.filter((at) => at < tokens.length - 1), tokens.length - 1].filter((at) => at > 0),
  };
}

/** What may come after a message: the result of a tool where it calls one, else a message of the user. */
export function messageAfter(last: ChatMessage, content: string): ChatMessage {
  const [call] = last.tool_calls ?? [];
  return call ? { role: 'tool', content, tool_call_id: call.id, name: call.function.name } : { role: 'user', content };
}
