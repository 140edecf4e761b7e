import type {
  AnswerDelta,
  AnswerMessage,
  AnswerParser,
  AnswerReader,
  AnswerReaderOptions,
  ToolDefinition,
} from '@starling/chat';
import type {
  DonePart,
  GenerateOptions,
  GenerateRequest,
  Generation,
  MessagesPrompt,
  PromptPart,
  SampleResult,
  TokenLogprobs,
} from '../generate-types.js';
import { toolConstraint, type ToolChoice } from './tool-constraint.js';

/** What answers conversations: a loaded model, or what stands for one. */
export interface ChatModel {
  readonly answerParser: AnswerParser;
  generate(request: GenerateRequest): Generation | Promise<Generation>;
}

/** A conversation to answer, and which tools may be called. */
export interface ChatRequest extends Omit<GenerateOptions, 'toolCalls' | 'showSpecial' | 'tools'> {
  readonly messages: MessagesPrompt['messages'];
  readonly tools?: readonly ToolDefinition[];
  /** Tools that may be called; the others are only shown to the model. Default: all. */
  readonly callable?: readonly ToolDefinition[];
  readonly toolChoice?: ToolChoice;
  readonly parallelToolCalls?: boolean;
  /** Names of tools whose schemas are enforced or refused; those of others may be too much to enforce where no call is demanded. */
  readonly strictTools?: readonly string[];
}

/** One of the answers, read as a message. */
export interface ChatSample {
  readonly result: SampleResult;
  readonly message: AnswerMessage;
  /** Tokens of the answer that it reasoned with, marks of its end included. */
  readonly reasoningTokens: number;
  /** `tool_calls` where an answer that came to its own end calls tools; `length` for what was cut, and for what ended in the middle of a call. */
  readonly finishReason: SampleResult['finishReason'] | 'tool_calls';
  /** What the client should know of how the answer was read; mostly nothing. */
  readonly warnings: readonly AnswerWarning[];
}

/**
 * `tool_call_cut`: a call began and was not written to its end: its arguments are as far as they go. `tool_call_missed`: a call seemed to begin
 * and was none of a tool that was offered: it is in the content.
 */
export type AnswerWarning = 'tool_call_cut' | 'tool_call_missed';

/** What of an answer is known, in order. */
export type ChatPart =
  /** How far the prompt is computed, where the request asks for it. */
  | PromptPart
  | {
      readonly kind: 'deltas';
      readonly sample: number;
      readonly deltas: readonly AnswerDelta[];
      readonly logprobs?: TokenLogprobs;
    }
  | ({ readonly kind: 'sample'; readonly sample: number } & ChatSample)
  | { readonly kind: 'done'; readonly done: DonePart };

/** An answer under way: parts as they come. */
export interface ChatAnswer {
  readonly generation: Generation;
  parts(): AsyncGenerator<ChatPart, void, undefined>;
}

/**
 * Starts to answer a conversation. It is checked and queued when this resolves.
 * @throws StarlingError as `generate` does
 */
export async function answerChat(
  model: ChatModel,
  { tools = [], callable = tools, toolChoice = 'auto', parallelToolCalls, strictTools, ...request }: ChatRequest,
): Promise<ChatAnswer> {
  const offered = toolChoice === 'none' ? [] : callable;
  const isBegun = request.prefill !== undefined || request.continueFinalMessage === true;
  const mustCall = toolChoice !== 'auto' && toolChoice !== 'none';
  // What is gone on with may be inside of a call: where none is demanded, the rest is free.
  const { constraint, parser } =
    isBegun && !mustCall
      ? { parser: model.answerParser }
      : toolConstraint(model.answerParser, callable, toolChoice, parallelToolCalls, strictTools);
  const readsMarkers = parser.readsReasoning || offered.length > 0;
  const generation = await model.generate({
    ...request,
    ...(tools.length > 0 && { tools }),
    ...(constraint && { toolCalls: constraint }),
    ...(!isBegun && { frame: { format: parser.format } }),
    // Markers may be control tokens: they must be seen to be read. They never reach the client.
    showSpecial: readsMarkers,
  });
  // What the template began for the model belongs to the answer.
  const prompt = `${generation.promptText ?? ''}${request.prefill ?? ''}`;
  const isJson = request.jsonSchema !== undefined && request.grammar === undefined;
  return {
    generation,
    parts: () => partsOf(generation, parser, { tools: offered, prompt, isBegun, mustCall, isJson }),
  };
}

async function* partsOf(
  generation: Generation,
  parser: AnswerParser,
  options: AnswerReaderOptions,
): AsyncGenerator<ChatPart, void, undefined> {
  const readers: AnswerReader[] = [];
  const reasoned: number[] = [];
  for await (const part of generation) {
    if (part.kind === 'done') {
      yield { kind: 'done', done: part };
      continue;
    }
    if (part.kind === 'prompt') {
      yield part;
      continue;
    }
    const reader = (readers[part.sample] ??= parser.reader(options));
    if (part.kind === 'token') {
      const wasReasoning = isReasoning(reader);
      const deltas = reader.push(part.text);
      if (wasReasoning || isReasoning(reader)) reasoned[part.sample] = (reasoned.at(part.sample) ?? 0) + 1;
      if (deltas.length > 0 || part.logprobs)
        yield { kind: 'deltas', sample: part.sample, deltas, logprobs: part.logprobs };
      continue;
    }
    const rest = reader.end();
    if (rest.length > 0) yield { kind: 'deltas', sample: part.sample, deltas: rest };
    yield {
      kind: 'sample',
      sample: part.sample,
      result: part,
      message: reader.message,
      reasoningTokens: reasoned.at(part.sample) ?? 0,
      finishReason: finishOf(part, reader),
      warnings: warningsOf(reader),
    };
  }
}

const isReasoning = ({ reasoningStart }: AnswerReader): boolean => reasoningStart === 'open';

/** A whole answer, from the same parts as a stream: both are the same, always. */
export async function wholeAnswer(
  answer: ChatAnswer,
): Promise<{ readonly samples: readonly ChatSample[]; readonly done: DonePart }> {
  const samples: ChatSample[] = [];
  let done: DonePart | undefined;
  for await (const part of answer.parts()) {
    if (part.kind === 'sample') samples[part.sample] = part;
    else if (part.kind === 'done') done = part.done;
  }
  return { samples, done: done ?? (await answer.generation.result()) };
}

function finishOf({ finishReason }: SampleResult, { message, isCut }: AnswerReader): ChatSample['finishReason'] {
  if (finishReason !== 'stop') return finishReason;
  // Nobody is to run a call that was not written to its end.
  return isCut ? 'length' : (message.tool_calls?.length ?? 0) > 0 ? 'tool_calls' : 'stop';
}

function warningsOf({ isCut, hasMissedCall }: AnswerReader): AnswerWarning[] {
  return [...(isCut ? (['tool_call_cut'] as const) : []), ...(hasMissedCall ? (['tool_call_missed'] as const) : [])];
}
