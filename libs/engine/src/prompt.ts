import {
  KEEP_HISTORY,
  type ChatMessage,
  type ChatPrompt,
  type ChatTemplate,
  type MessageSpan,
  type RenderOptions,
} from '@starling/chat';
import { parameterError, type StarlingError } from '@starling/core';
import type { Tokenizer } from '@starling/tokenizer';
import type { AnswerMemory } from './answer-memory.js';
import { atOnce, encoded, type Steps } from './aside/steps.js';
import type { ChatInput } from './chat-types.js';
import { isLongValue } from './long-value.js';
import { markBefore, type EncodedPrompt } from './encoded-prompt.js';
import type { GenerateRequest } from './generate-types.js';
import type { PromptEncoder } from './prompt-encoder.js';

/** What prompts are made with. */
export interface PromptParts {
  readonly tokenizer: Tokenizer;
  readonly encoder: PromptEncoder;
  readonly chatTemplate: ChatTemplate | undefined;
  /** Puts reasoning back that a client left out. */
  readonly memory?: AnswerMemory;
}

/** What a prompt was rendered from. */
export interface RenderedChat {
  /** With the messages as they were rendered. */
  readonly input: ChatInput & { readonly messages: readonly ChatMessage[] };
  readonly spans: readonly MessageSpan[];
}

/** A prompt that a model can be given. */
export interface PreparedPrompt {
  readonly tokens: Uint32Array;
  /** Positions at which later prompts are likely to part from it: the last message begins, the assistant's turn begins. Ascending. */
  readonly checkpoints: readonly number[];
  /** Its text and tokens without special tokens in front; absent for a prompt of ids, and where special tokens follow the text. */
  readonly encoded?: EncodedPrompt;
  /** The text of a rendered conversation. */
  readonly text?: string;
  readonly chat?: RenderedChat;
}

/**
 * The tokens of a request's prompt.
 * @param scope whose texts it may share with earlier ones; undefined: nobody's
 * @throws StarlingError invalid_request if there is not exactly one of prompt, tokens and messages, an id that is none, or no token at all
 */
export function preparePrompt(request: GenerateRequest, parts: PromptParts, scope?: string): PreparedPrompt {
  return atOnce(promptSteps(request, parts, scope), parts.tokenizer);
}

/** The same, in steps. */
export function* promptSteps(request: GenerateRequest, parts: PromptParts, scope?: string): Steps<PreparedPrompt> {
  const given = (['prompt', 'tokens', 'messages'] as const).filter((name) => request[name] !== undefined);
  if (given.length !== 1)
    throw refused(
      given[1] ?? 'prompt',
      `give exactly one of prompt, tokens and messages, not ${given.length === 0 ? 'none' : given.join(' and ')}`,
    );
  const prompt =
    request.prompt !== undefined
      ? yield* textPrompt(request, request.prompt, parts, scope)
      : request.tokens !== undefined
        ? { tokens: checkedTokens(request.tokens, parts.tokenizer.vocabSize, 'tokens'), checkpoints: [] }
        : yield* chatPrompt(request, parts, scope);
  if (prompt.tokens.length === 0) throw refused(given[0], 'there is nothing to continue: it comes to no token at all');
  return prompt;
}

function* textPrompt(
  { addSpecial = true, parseSpecial = true }: GenerateRequest,
  text: string,
  { tokenizer, encoder }: PromptParts,
  scope: string | undefined,
): Steps<PreparedPrompt> {
  const around = addSpecial ? tokenizer.encode('', { addSpecial }) : new Uint32Array(0);
  const isInFront =
    around.length === 0 || (around.length === 1 && around[0] === tokenizer.special.bos && !tokenizer.special.addEos);
  if (!parseSpecial || !isInFront)
    return { tokens: yield* encoded(tokenizer, text, { addSpecial, parseSpecial }), checkpoints: [] };
  const whole = yield* encoder.steps([{ text, literal: false }], scope);
  return { tokens: withFront(whole.tokens, around), checkpoints: [], encoded: whole };
}

function* chatPrompt(
  request: GenerateRequest,
  { tokenizer, encoder, chatTemplate, memory }: PromptParts,
  scope: string | undefined,
): Steps<PreparedPrompt> {
  const { messages = [], tools, templateVariables, documents, addGenerationPrompt, continueFinalMessage } = request;
  const input = {
    messages: scope !== undefined && memory ? memory.complete(scope, messages) : messages,
    tools,
    templateVariables,
    documents,
    addGenerationPrompt,
    continueFinalMessage,
  };
  // In literal segments, which are text of users, a control token's name is plain text.
  const { text, segments, spans } = yield* renderSteps(input, chatTemplate);
  const begun =
    request.prefill === undefined || request.prefill === '' ? [] : [{ text: request.prefill, literal: true }];
  const whole = yield* encoder.steps([...segments, ...begun], scope);
  const { bos, addBos } = tokenizer.special;
  // Most templates write BOS themselves; it must come once.
  const front = addBos && bos !== undefined && whole.tokens[0] !== bos ? Uint32Array.of(bos) : new Uint32Array(0);
  return {
    tokens: withFront(whole.tokens, front),
    checkpoints: checkpointsOf(whole, spans).map((token) => token + front.length),
    encoded: whole,
    text,
    chat: { input, spans },
  };
}

function checkpointsOf(encoded: EncodedPrompt, spans: readonly MessageSpan[]): number[] {
  const last = spans.at(-1);
  if (last === undefined) return [];
  const lastUser = spans.findLast(({ role }) => role === 'user');
  // Behind the last message come its end and the beginning of the assistant's turn.
  const turn = encoded.marks.findLast(({ at }) => at >= last.end);
  const positions = [lastUser, last].map((span) => span && markBefore(encoded, span.start)?.token);
  const wanted = [...positions, turn?.token].filter(
    (token) => token !== undefined && token > 0 && token < encoded.tokens.length,
  ) as number[];
  return [...new Set(wanted)].sort((a, b) => a - b);
}

/**
 * A conversation as text, fitted to what the template can show.
 * @throws StarlingError invalid_template, or invalid_request if there is no template, no message, or what the template cannot take
 */
export function renderPrompt(input: ChatInput, chatTemplate: ChatTemplate | undefined): ChatPrompt {
  const { template, messages, options } = renderingOf(input, chatTemplate);
  return template.render(messages, options);
}

/** The same in steps, between which others may run. @throws StarlingError as `renderPrompt` */
export function* renderSteps(input: ChatInput, chatTemplate: ChatTemplate | undefined): Steps<ChatPrompt> {
  const { template, messages, options } = renderingOf(input, chatTemplate);
  if (isLongValue([messages, options.tools, options.variables, options.documents])) {
    let made: ChatPrompt | undefined;
    yield { kind: 'render', source: template.source, messages, options, take: (prompt) => void (made = prompt) };
    if (made) return made;
  }
  const steps = template.renderSteps(messages, options);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    yield { kind: 'pause' };
  }
}

interface ToRender {
  readonly template: ChatTemplate;
  readonly messages: readonly ChatMessage[];
  readonly options: RenderOptions;
}

function renderingOf(
  { messages = [], tools, addGenerationPrompt, templateVariables, documents, continueFinalMessage }: ChatInput,
  chatTemplate: ChatTemplate | undefined,
): ToRender {
  if (chatTemplate === undefined) throw refused('messages', 'this model has no chat template; give a prompt instead');
  if (messages.length === 0) throw refused('messages', 'a conversation needs at least one message');
  if (continueFinalMessage === true && addGenerationPrompt === true)
    throw refused(
      'continueFinalMessage',
      'an answer either goes on with the last message or begins one of its own (addGenerationPrompt)',
    );
  return {
    template: chatTemplate,
    messages,
    options: {
      tools,
      addGenerationPrompt,
      variables: { ...KEEP_HISTORY, ...templateVariables },
      documents,
      continueFinalMessage,
      fit: true,
    },
  };
}

/** Token ids from outside. @throws StarlingError invalid_request naming the first that is not in the vocabulary */
export function checkedTokens(tokens: ArrayLike<number>, vocabSize: number, param: string): Uint32Array {
  for (let i = 0; i < tokens.length; i++) {
    const id = tokens[i];
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize)
      throw refused(`${param}[${i}]`, `must be an id of the vocabulary, 0 to ${vocabSize - 1}, not ${id}`);
  }
  return Uint32Array.from(tokens);
}

function withFront(tokens: Uint32Array, front: Uint32Array): Uint32Array {
  if (front.length === 0) return tokens;
  const longer = new Uint32Array(tokens.length + front.length);
  longer.set(front);
  longer.set(tokens, front.length);
  return longer;
}

function refused(param: string, problem: string): StarlingError {
  return parameterError('invalid_request', param, problem);
}
