import type { ToolDefinition } from '@starling/chat';
import type { ErrorCode } from '@starling/core';
import type { AnswerFrame, ToolCallOptions } from '@starling/grammar';
import type { CacheMiss } from '@starling/kvcache';
import type { FinishReason, SamplerOptions, StopReason } from '@starling/sampler';
import type { ChatInput } from './chat-types.js';
import type { RequestTerms } from './request-terms.js';

/** Text, tokenized with the model's special tokens around it (`addSpecial`) and in it (`parseSpecial`). */
export interface TextPrompt {
  readonly prompt: string;
  readonly tokens?: undefined;
  readonly messages?: undefined;
}

/** Token ids, taken as they are. */
export interface TokenPrompt {
  readonly tokens: ArrayLike<number>;
  readonly prompt?: undefined;
  readonly messages?: undefined;
}

/** A conversation, rendered with the model's chat template. */
export interface MessagesPrompt {
  readonly messages: ChatInput['messages'];
  readonly prompt?: undefined;
  readonly tokens?: undefined;
}

/** What to continue: exactly one of the three. */
export type PromptInput = TextPrompt | TokenPrompt | MessagesPrompt;

/** Nothing new: the session goes on where it ended. */
export interface SessionPrompt {
  readonly sessionId: string;
  readonly prompt?: undefined;
  readonly tokens?: undefined;
  readonly messages?: undefined;
}

/** Calls of tools that an answer must be, or may be. */
export interface ToolCallConstraint
  extends Pick<ToolCallOptions, 'format' | 'choice' | 'parallel' | 'reasoning' | 'lenient' | 'strict'> {
  readonly tools: readonly ToolDefinition[];
}

/**
 * A shape that the answer must have: a grammar, a schema or an expression, or calls of tools. With both, the first holds for answers that call
 * no tool. Enforced token by token.
 */
export interface OutputConstraint {
  /** A grammar in GBNF. */
  readonly grammar?: string;
  /** A JSON Schema. */
  readonly jsonSchema?: unknown;
  /** A regular expression (ECMAScript) that the whole answer must match. */
  readonly regex?: string;
  /** Calls of tools whose arguments are valid by their schemas. */
  readonly toolCalls?: ToolCallConstraint;
  /** Where in an answer `jsonSchema` and `regex` hold: behind reasoning, and between what the model writes around content. Default: for all of it. */
  readonly frame?: AnswerFrame;
}

/** What one call of `generate` may say beside its prompt: limits, and llama-server's sampling parameters in camel case. */
export interface GenerateOptions extends OutputConstraint, SamplerOptions, Omit<ChatInput, 'messages'>, RequestTerms {
  /** Name of the request in events; one is made when absent. */
  readonly id?: string;
  /** Divides what is computed for this tenant: only requests of the same salt share it. Default: one division for all without a salt. */
  readonly cacheSalt?: string;
  /** Use computed tokens of earlier prompts, and leave this one's for later ones. Default true. */
  readonly cachePrompt?: boolean;
  /** How much of each adapter is added, by its id. Those that are not named have the scale of `model.adapters`. */
  readonly adapters?: Readonly<Record<string, number>>;
  /** Put special tokens such as BOS around a text prompt, where the vocabulary says so. Default true. */
  readonly addSpecial?: boolean;
  /** Read special tokens written out in a text prompt as such. Default true. */
  readonly parseSpecial?: boolean;
  /** Show control tokens in the text of the answer. Default false. */
  readonly showSpecial?: boolean;
  /** Tokens to generate, at most: 0 or more. Default: as many as `info.sequenceLimit` leaves behind the prompt. */
  readonly maxTokens?: number;
  /** Texts that end the answer and are not part of it. */
  readonly stop?: readonly string[];
  /**
   * Answers to the same prompt, 1 to 128. The prompt is computed once, and the others begin with its pages, and with a kept state where there are
   * recurrent layers; one that gave its memory to others is computed again. Sample i draws with seed + i. Default 1.
   */
  readonly n?: number;
  /** Report the log-probability of each token and of the `logprobs` most likely ones (0 to 100: 0 for the token alone). */
  readonly logprobs?: number;
  /** The same for the prompt's tokens. */
  readonly promptLogprobs?: number;
  /** Report what each token was drawn from: its probability after the whole sampler chain, and those of up to so many candidates (0 to 100). */
  readonly candidates?: number;
  /** Tokens of reasoning before an answer to `messages`, at most; then its end is written for the model. Models whose template shows no reasoning are left alone. */
  readonly reasoningTokens?: number;
  /** Tell how far the prompt is computed, by parts of kind `prompt`. Default false. */
  readonly progress?: boolean;
  /**
   * Goes on from a session of the tenant, which an unknown name begins: `prompt` or `tokens` come after what the session holds, `messages`
   * are what is new in its conversation, or the whole of it. With none of them it goes on where it ended; if its last answer was cut, and
   * nothing is said here of how tokens are chosen, with the sampler and the grammar of that answer.
   */
  readonly sessionId?: string;
  /** Without `sessionId`: begin a session, so that a later request can go on from this one. Default false. */
  readonly opensSession?: boolean;
}

/** One call of `generate`: exactly one of `prompt`, `tokens` and `messages` (or none, to go on with a session), and options. */
export type GenerateRequest = GenerateOptions & (PromptInput | SessionPrompt);

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

/** A token and how likely it was to be drawn, after the whole sampler chain. */
export interface DrawnToken extends Omit<TokenProbability, 'logprob'> {
  /** 0 to 1. */
  readonly probability: number;
}

export interface TokenDraw extends DrawnToken {
  /** The candidates of the draw with a probability above 0, most likely first. */
  readonly candidates: readonly DrawnToken[];
}

/** A list whose entries are made when they are asked for, one by one: long ones are kept as plain numbers. */
export interface LazyList<T> {
  readonly length: number;
  /** @param index 0 to length - 1 */
  at(index: number): T;
}

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
  /** With `logprobs`: one entry a token. Made anew each time that it is read. */
  readonly logprobs?: readonly TokenLogprobs[];
  /** The same, entry by entry: for whoever writes them out and must not hold all. */
  readonly logprobList?: LazyList<TokenLogprobs>;
  /** With `candidates`: one entry a token. */
  readonly draws?: readonly TokenDraw[];
  /** The same, entry by entry. */
  readonly drawList?: LazyList<TokenDraw>;
}

/** A miss from where the chat template wrote a message other than it did before. */
export interface RewrittenMessage {
  readonly reason: 'rewritten';
  readonly position: number;
  /** Its place in the conversation. */
  readonly message: number;
}

export interface Usage {
  readonly promptTokens: number;
  /** Prompt tokens that were not computed for this request. */
  readonly cachedTokens: number;
  /** Why no more of the prompt was found in the cache, and from which token on; absent if all was there (but the last, which is always computed). */
  readonly cacheMiss?: CacheMiss | RewrittenMessage;
  /** Of all samples. */
  readonly completionTokens: number;
}

/** Milliseconds from the call of `generate`, and rates in tokens per second (0 where nothing was computed). */
export interface Timings {
  /** Before it was queued: making its prompt (a template rendered, texts tokenized), and making its grammar. */
  readonly tokenizeMs: number;
  readonly grammarMs: number;
  /** From when it was queued to the first step that works on the request. */
  readonly queueMs: number;
  /** The part of that in which the beginning of its prompt was brought back from slower storage. */
  readonly restoreMs: number;
  /** From there until the whole prompt was computed. */
  readonly promptMs: number;
  /** From the call until the first token was known. */
  readonly firstTokenMs: number;
  /** From the first token to the last. */
  readonly decodeMs: number;
  /** The part of all steps that choosing its tokens took. */
  readonly sampleMs: number;
  /** Times that it gave its pages, or its slot, to others, and how long it waited to go on. */
  readonly preemptions: number;
  readonly suspendedMs: number;
  readonly promptTps: number;
  readonly decodeTps: number;
  /** Tokens that were expected and computed beside known ones, and those of them that came. */
  readonly draftedTokens: number;
  readonly acceptedTokens: number;
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
  /** With `candidates`. */
  readonly draw?: TokenDraw;
}

/** With `progress`: how much of the prompt is computed, before its first step and after each. */
export interface PromptPart {
  readonly kind: 'prompt';
  /** Tokens that are computed, those of the cache included. */
  readonly processedTokens: number;
  readonly cachedTokens: number;
  readonly totalTokens: number;
  /** Milliseconds since the first step began. */
  readonly ms: number;
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
  /** The session that a later request can go on from. */
  readonly sessionId?: string;
  readonly samples: readonly SampleResult[];
  readonly usage: Usage;
  readonly timings: Timings;
  /** With `promptLogprobs`: one entry a prompt token, undefined for the first. */
  readonly promptLogprobs?: readonly (TokenLogprobs | undefined)[];
  /** The same, entry by entry. */
  readonly promptLogprobList?: LazyList<TokenLogprobs | undefined>;
}

/** What `generate` yields: tokens as they come, a `sample` for each finished answer, and `done` as the last; progress of the prompt where asked for. */
export type GeneratePart = PromptPart | TokenPart | SamplePart | DonePart;

/**
 * An answer under way, read in whichever ways one likes, and as often: each time from its beginning. It runs ahead of the reader that is furthest, by
 * some 1,000 tokens at most: then others run until that has caught up. Leaving the loop over it cancels it, unless somebody else reads it.
 * Failures (`deadline_exceeded`, `kv_exhausted`, `worker_failed`, `shutting_down`) reject the loops and `result()`.
 */
export interface Generation extends AsyncIterable<GeneratePart> {
  readonly id: string;
  readonly promptTokens: Uint32Array;
  /** The conversation as the chat template rendered it: what the template began for the model is part of the answer. Absent for other prompts. */
  readonly promptText?: string;
  /** With `promptLogprobs`: as in the last part, and whole as soon as there is a part of kind `token` or `sample`. */
  readonly promptLogprobList?: LazyList<TokenLogprobs | undefined>;
  /** Ends it at the next step, as `cancelled`; does nothing when it is over. */
  cancel(): void;
  /** Reads all parts and gives the last. */
  result(): Promise<DonePart>;
  /** The text of the first answer as it comes, whole characters at a time. */
  text(): AsyncIterable<string>;
  /** The same as a web stream. Cancelling it is leaving the loop. */
  textStream(): ReadableStream<string>;
}

/** What became of a request, for events. */
export type RequestOutcome =
  | { readonly kind: 'finished'; readonly finishReason: FinishReason }
  | { readonly kind: 'failed'; readonly code: ErrorCode };
