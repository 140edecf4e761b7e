import type { ChatMessage } from '@starling/chat';
import type { ServedModel } from '../../parts.js';
import type { ChatRequest } from '@starling/engine';

/**
 * A conversation that fits the context, as this API promises where a request does not say otherwise: the oldest messages are left out, but the
 * system's and the last one. What the last one alone is too long for stays whole, and is refused.
 */
export async function truncated(request: ChatRequest, model: ServedModel): Promise<ChatRequest> {
  const { messages, tools, templateVariables } = request;
  const limit = model.info.sequenceLimit;
  // A token is a character at least: most conversations need no counting.
  if (messages.reduce((sum, { content }) => sum + (content?.length ?? 0), 0) < limit / 8) return request;
  const fits = async (kept: readonly ChatMessage[]): Promise<boolean> =>
    (await model.countTokens({
      messages: kept,
      tools: tools && tools.length > 0 ? tools : undefined,
      templateVariables,
    })) < limit;
  if (await fits(messages)) return request;
  const system = messages.filter(({ role }) => role === 'system');
  const said = messages.filter(({ role }) => role !== 'system');
  let [fewest, most] = [0, Math.max(said.length - 1, 0)];
  // The fewest that must go: what is left gets shorter with each.
  while (fewest < most) {
    const middle = (fewest + most) >> 1;
    if (await fits([...system, ...said.slice(middle)])) most = middle;
    else fewest = middle + 1;
  }
  return { ...request, messages: [...system, ...said.slice(fewest)] };
}

/** The tokens of a text, as many as a model takes: of one that is too long the beginning, and what the vocabulary puts behind. */
export async function truncatedTokens(
  text: string,
  { encode, info }: Pick<ServedModel, 'encode' | 'info'>,
): Promise<ArrayLike<number>> {
  const tokens = (await encode(text, { addSpecial: true })).ids;
  const limit = info.causal ? info.sequenceLimit : Math.min(info.maxBatchTokens, info.sequenceLimit);
  return tokens.length <= limit ? tokens : [...tokens.subarray(0, limit - 1), tokens[tokens.length - 1]];
}
