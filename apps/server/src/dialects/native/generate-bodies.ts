import type {
  DonePart,
  GenerateRequest,
  MessagesPrompt,
  PromptInput,
  SampleResult,
  SessionPrompt,
  TokenLogprobs,
  TokenPart,
  TokenProbability,
} from '@starling/engine';
import { jsonPieces } from '../json-pieces.js';
import { withoutNulls } from '../../schemas/fields.js';
import { samplingOf } from '../sampling.js';
import type { GenerateBody } from './generate-schema.js';

/** The request as the engine takes it. */
export function toGenerateRequest(body: GenerateBody, id: string): GenerateRequest {
  return {
    n: body.n,
    id,
    maxTokens: body.max_tokens,
    stop: typeof body.stop === 'string' ? [body.stop] : body.stop,
    logprobs: logprobCount(body.logprobs),
    promptLogprobs: logprobCount(body.prompt_logprobs),
    grammar: body.grammar,
    jsonSchema: body.json_schema,
    priority: body.priority,
    deadlineMs: body.deadline_ms,
    maxWaitMs: body.max_wait_ms,
    ...samplingOf(body),
    cacheSalt: body.cache_salt,
    cachePrompt: body.cache_prompt,
    sessionId: body.session_id,
    opensSession: true,
    ...promptOf(body),
  };
}

/** What to continue; with none of the three the engine says that one is missing, or goes on with a session. */
function promptOf({ prompt, messages, session_id: sessionId }: GenerateBody): PromptInput | SessionPrompt {
  if (messages !== undefined) return { messages: messagesOf(messages) };
  if (typeof prompt === 'string') return { prompt };
  return prompt === undefined ? ({ sessionId } as SessionPrompt) : { tokens: prompt };
}

/** Messages without fields that are null. */
const messagesOf = (messages: NonNullable<GenerateBody['messages']>): MessagesPrompt['messages'] =>
  messages.map(({ content, tool_calls: calls, ...message }) => ({
    ...withoutNulls(message),
    ...(content != null && { content }),
    ...(calls != null &&
      calls.length > 0 && { tool_calls: calls.map(({ id, ...call }) => ({ ...call, ...(id != null && { id }) })) }),
  }));

/** `true` asks for the token's own log-probability, a number for that many of the most likely tokens too. */
const logprobCount = (asked: boolean | number | undefined) =>
  asked === true ? 0 : asked === false ? undefined : asked;

/** The data of an `event: token`; of several answers it says which. */
export function tokenEvent(part: TokenPart, answers = 1): object {
  return {
    ...(answers > 1 && { answer: part.sample }),
    index: part.index,
    id: part.id,
    text: part.text,
    ...(part.logprob === undefined ? {} : { logprob: part.logprob }),
    ...(part.logprobs === undefined || part.logprobs.top.length === 0
      ? {}
      : { top_logprobs: logprobsOf(part.logprobs).top }),
  };
}

/** What is said of an answer beside its text, by whoever reads more out of it than that. */
export interface Reading {
  readonly finish_reason: string;
  readonly warnings?: readonly string[];
  readonly message?: object;
}

/** The body of the answer; an `event: done` has it without the text. */
export function generateResult(done: DonePart, readings: readonly Reading[] = []): object {
  const { logprobs, promptLogprobs } = done;
  return {
    ...head(done),
    text: done.text,
    ...(readings.at(0)?.message && { message: readings[0].message }),
    ...figures(done, readings),
    ...(logprobs === undefined ? {} : { logprobs: logprobs.map(logprobsOf) }),
    ...(promptLogprobs === undefined
      ? {}
      : { prompt_logprobs: promptLogprobs.map((entry) => (entry === undefined ? null : logprobsOf(entry))) }),
    ...answersIn(done, (sample, i) => ({
      text: sample.text,
      ...(readings.at(i)?.message && { message: readings[i].message }),
      ...endOf(sample, readings.at(i)),
      ...(sample.logprobs === undefined ? {} : { logprobs: sample.logprobs.map(logprobsOf) }),
    })),
  };
}

/** The data of an `event: done`, in pieces: its log-probabilities may come to megabytes, which nobody may read. Those of further answers came with their tokens. */
export function doneEvent(done: DonePart, readings: readonly Reading[] = []): Iterable<string> {
  const entryOf = (entry: TokenLogprobs | undefined) => (entry === undefined ? null : logprobsOf(entry));
  const answers = answersIn(done, (sample, i) => endOf(sample, readings.at(i)));
  return jsonPieces(
    { ...head(done), ...figures(done, readings), ...answers },
    { logprobs: done.logprobList, prompt_logprobs: done.promptLogprobList },
    entryOf,
  );
}

/** Where there are several: each of them. */
const answersIn = ({ samples }: DonePart, bodyOf: (sample: SampleResult, index: number) => object): object =>
  samples.length > 1 ? { answers: samples.map(bodyOf) } : {};

const head = ({ id, model, sessionId }: DonePart) => ({
  id,
  model,
  ...(sessionId === undefined ? {} : { session_id: sessionId }),
});

const endOf = ({ tokens, finishReason, stopSequence }: SampleResult, reading: Reading | undefined) => ({
  tokens,
  finish_reason: reading?.finish_reason ?? finishReason,
  ...(reading?.warnings && { warnings: reading.warnings }),
  ...(stopSequence === undefined ? {} : { stop_sequence: stopSequence }),
});

function figures(done: DonePart, readings: readonly Reading[]): object {
  const { usage, timings } = done;
  return {
    ...endOf(done, readings.at(0)),
    usage: {
      prompt_tokens: usage.promptTokens,
      cached_tokens: usage.cachedTokens,
      completion_tokens: usage.completionTokens,
      ...(usage.cacheMiss && { cache_miss: { ...usage.cacheMiss } }),
    },
    timings: {
      tokenize_ms: rounded(timings.tokenizeMs),
      grammar_ms: rounded(timings.grammarMs),
      queue_ms: rounded(timings.queueMs),
      restore_ms: rounded(timings.restoreMs),
      prompt_ms: rounded(timings.promptMs),
      first_token_ms: rounded(timings.firstTokenMs),
      decode_ms: rounded(timings.decodeMs),
      sample_ms: rounded(timings.sampleMs),
      suspended_ms: rounded(timings.suspendedMs),
      preemptions: timings.preemptions,
      prompt_tps: rounded(timings.promptTps),
      decode_tps: rounded(timings.decodeTps),
      drafted_tokens: timings.draftedTokens,
      accepted_tokens: timings.acceptedTokens,
    },
  };
}

export const logprobsOf = (entry: TokenLogprobs) => ({ ...probabilityOf(entry), top: entry.top.map(probabilityOf) });

/** Some tokens are a part of a character: their text cannot say which, their bytes can. */
const probabilityOf = ({ id, text, bytes, logprob }: TokenProbability) => ({
  id,
  text,
  bytes: Array.from(bytes),
  logprob,
});

/** Microseconds are enough. */
const rounded = (value: number) => Math.round(value * 1000) / 1000;
