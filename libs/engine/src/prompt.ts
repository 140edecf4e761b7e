import type { ChatPrompt, ChatTemplate } from '@starling/chat';
import { StarlingError } from '@starling/core';
import type { Tokenizer } from '@starling/tokenizer';
import type { ChatInput } from './chat-types.js';
import type { GenerateRequest } from './generate-types.js';

/**
 * The tokens of a request's prompt.
 * @throws StarlingError invalid_request if there is not exactly one of prompt, tokens and messages, an id that is none, or no token at all
 */
export function promptTokens(request: GenerateRequest, tokenizer: Tokenizer, chatTemplate: ChatTemplate | undefined): Uint32Array {
  const given = (['prompt', 'tokens', 'messages'] as const).filter((name) => request[name] !== undefined);
  if (given.length !== 1) throw refused(given[1] ?? 'prompt', `give exactly one of prompt, tokens and messages, not ${given.length === 0 ? 'none' : given.join(' and ')}`);
  const tokens = encoded(request, tokenizer, chatTemplate);
  if (tokens.length === 0) throw refused(given[0], `${given[0]}: there is nothing to continue: it comes to no token at all`);
  return tokens;
}

function encoded(request: GenerateRequest, tokenizer: Tokenizer, chatTemplate: ChatTemplate | undefined): Uint32Array {
  const { prompt, tokens, addSpecial = true, parseSpecial = true } = request;
  if (prompt !== undefined) return tokenizer.encode(prompt, { addSpecial, parseSpecial });
  if (tokens !== undefined) return checkedTokens(tokens, tokenizer.vocabSize, 'tokens');
  // In literal segments, which are text of users, a control token's name is plain text.
  const segments = renderPrompt(request, chatTemplate).segments.map(({ text, literal }) => tokenizer.encode(text, { parseSpecial: !literal }));
  return withBos(segments.length === 1 ? segments[0] : Uint32Array.from(segments.flatMap((ids) => Array.from(ids))), tokenizer);
}

/** A conversation as text. @throws StarlingError invalid_template, or invalid_request if there is no template or no message */
export function renderPrompt({ messages = [], tools, addGenerationPrompt, templateVariables }: ChatInput, chatTemplate: ChatTemplate | undefined): ChatPrompt {
  if (chatTemplate === undefined) throw refused('messages', 'messages: this model has no chat template; give a prompt instead');
  if (messages.length === 0) throw refused('messages', 'messages: a conversation needs at least one message');
  return chatTemplate.render(messages, { tools, addGenerationPrompt, variables: templateVariables });
}

/** Token ids from outside. @throws StarlingError invalid_request naming the first that is not in the vocabulary */
export function checkedTokens(tokens: ArrayLike<number>, vocabSize: number, param: string): Uint32Array {
  for (let i = 0; i < tokens.length; i++) {
    const id = tokens[i];
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize) throw refused(param, `${param}[${i}] must be an id of the vocabulary, 0 to ${vocabSize - 1}, not ${id}`);
  }
  return Uint32Array.from(tokens);
}

/** Most templates write BOS themselves; it must come once. */
function withBos(tokens: Uint32Array, { special }: Tokenizer): Uint32Array {
  if (!special.addBos || special.bos === undefined || tokens[0] === special.bos) return tokens;
  const longer = new Uint32Array(tokens.length + 1);
  longer[0] = special.bos;
  longer.set(tokens, 1);
  return longer;
}

function refused(param: string, message: string): StarlingError {
  return new StarlingError('invalid_request', message, { details: { param } });
}
