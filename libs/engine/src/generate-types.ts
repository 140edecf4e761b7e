import type { ErrorCode } from '@starling/core';
import type { SamplerOptions } from '@starling/sampler';
import type { ChatInput } from './chat-types.js';

/** What to continue: exactly one of the three. */
export interface PromptInput {
  /** Text, tokenized with the model's special tokens around it (`addSpecial`) and in it (`parseSpecial`). */
  readonly prompt?: string;
  /** Token ids, taken as they are. */
  readonly tokens?: ArrayLike<number>;
  /** A conversation, rendered with the model's chat template. */
  readonly messages?: ChatInput['messages'];
}

/** A shape that the answer must have; at most one of the three. Enforced token by token. */
export interface OutputConstraint {
  /** A grammar in GBNF. */
  readonly grammar?: string;
  /** A JSON Schema. */
  readonly jsonSchema?: unknown;
  /** A regular expression (ECMAScript) that the whole answer must match. */
  readonly regex?: string;
}

/** One call of `generate`: the prompt, limits, and llama-server's sampling parameters in camel case. */
export interface GenerateRequest extends PromptInput, OutputConstraint, SamplerOptions, Omit<ChatInput, 'messages'> {
  /** Name of the request in events; one is made when absent. */
  readonly id?: string;
  /** Requests of one tenant (an API key, a session) take turns with those of others. */
  readonly tenant?: string;
  /** Put special tokens such as BOS around a text prompt, where the vocabulary says so. Default true. */
  readonly addSpecial?: boolean;
  /** Read special tokens written out in a text prompt as such. Default true. */
  readonly parseSpecial?: boolean;
  /** Show control tokens in the text of the answer. Default false. */
  readonly showSpecial?: boolean;
  /** Tokens to generate, at most: 0 or more. Default: to the end of the context. */
  readonly maxTokens?: number;
  /** Texts that end the answer and are not part of it. */
  readonly stop?: readonly string[];
  /** Answers to the same prompt, 1 to 128. The prompt is computed once. Sample i draws with seed + i. Default 1. */
  readonly n?: number;
  /** Report the log-probability of each token and of the `logprobs` most likely ones (0 to 100: 0 for the token alone). */
  readonly logprobs?: number;
  /** The same for the prompt's tokens. */
  readonly promptLogprobs?: number;
  /** Larger runs first. Default 0. */
  readonly priority?: number;
  /** Milliseconds from now after which the answer ends as it is (`deadline`), or fails with `deadline_exceeded` if it has not begun. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** A token and how likely it was (natural logarithm, before temperature and filters). */
export interface TokenProbability {
  readonly id: number;
  /** Text of the token; bytes that are no character alone are U+FFFD. */
  readonly text: string;
  /** What the token adds to the text, exactly: UTF-8. */
  readonly bytes: Uint8Array;
  readonly logprob: number;
}

export interface TokenLogprobs extends TokenProbability {
  /** How many tokens were more likely. */
  readonly rank: number;
  /** The most likely tokens at this place, most likely first. */
  readonly top: readonly TokenProbability[];
}

/** Why an answer ended. */
export type StopReason =
  | { readonly kind: 'end_of_generation'; readonly id: number }
  | { readonly kind: 'stop_string'; readonly text: string }
  | { readonly kind: 'constraint_complete' }
  | { readonly kind: 'max_tokens' }
  | { readonly kind: 'context_end' }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'cancelled' };

/** The word of the HTTP API for a StopReason. */
export type FinishReason = 'stop' | 'length' | 'deadline' | 'cancelled';

/** One of the answers to a request. */
export interface SampleResult {
  /** 0 to n - 1. */
  readonly sample: number;
  readonly text: string;
  /** Ids as generated, the end-of-generation token included. */
  readonly tokens: readonly number[];
  readonly finishReason: FinishReason;
  readonly stopReason: StopReason;
  /** The stop string that ended the answer. */
  readonly stopSequence?: string;
  /** With `logprobs`: one entry a token. */
  readonly logprobs?: readonly TokenLogprobs[];
}

export interface Usage {
  readonly promptTokens: number;
  /** Prompt tokens that were not computed for this request. */
  readonly cachedTokens: number;
  /** Of all samples. */
  readonly completionTokens: number;
}

/** Milliseconds from the call of `generate`, and rates in tokens per second (0 where nothing was computed). */
export interface Timings {
  /** From the call to the first step that works on the request. */
  readonly queueMs: number;
  /** From there until the whole prompt was computed. */
  readonly promptMs: number;
  /** From the call until the first token was known. */
  readonly firstTokenMs: number;
  /** From the first token to the last. */
  readonly decodeMs: number;
  readonly promptTps: number;
  readonly decodeTps: number;
}

/** A token of an answer. `text` holds whole characters; it is empty while bytes or a possible stop string are held back. */
export interface TokenPart {
  readonly kind: 'token';
  /** Which answer, 0 to n - 1. */
  readonly sample: number;
  /** Which token of it, from 0. */
  readonly index: number;
  readonly id: number;
  readonly text: string;
  /** With `logprobs`. */
  readonly logprob?: number;
  readonly logprobs?: TokenLogprobs;
}

/** One of the answers is complete. */
export interface SamplePart extends SampleResult {
  readonly kind: 'sample';
}

/** All is complete. The fields of SampleResult are those of sample 0. */
export interface DonePart extends SampleResult {
  readonly kind: 'done';
  readonly id: string;
  /** Name of the model that answered. */
  readonly model: string;
  readonly samples: readonly SampleResult[];
  readonly usage: Usage;
  readonly timings: Timings;
  /** With `promptLogprobs`: one entry a prompt token, undefined for the first. */
  readonly promptLogprobs?: readonly (TokenLogprobs | undefined)[];
}

/** What `generate` yields: tokens as they come, a `sample` for each finished answer, and `done` as the last. */
export type GeneratePart = TokenPart | SamplePart | DonePart;

/**
 * An answer under way. It runs whether or not anybody reads; leaving the loop over it cancels it.
 * Failures (`deadline_exceeded`, `kv_exhausted`, `worker_failed`, `shutting_down`) reject the loop and `result()`.
 */
export interface Generation extends AsyncIterable<GeneratePart> {
  readonly id: string;
  readonly promptTokens: Uint32Array;
  /** Ends it at the next step, as `cancelled`; does nothing when it is over. */
  cancel(): void;
  /** Reads all parts and gives the last. Not together with a loop over the parts. */
  result(): Promise<DonePart>;
}

/** What became of a request, for events. */
export type RequestOutcome = { readonly kind: 'finished'; readonly finishReason: FinishReason } | { readonly kind: 'failed'; readonly code: ErrorCode };
