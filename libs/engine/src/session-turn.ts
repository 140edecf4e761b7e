import type { AnswerParser, ChatMessage } from '@starling/chat';
import { isStarlingError, parameterError, type StarlingError } from '@starling/core';
import type { KvCache, ModelIdentity, Session, SessionTable } from '@starling/kvcache';
import { encoded, type Steps } from './aside/steps.js';
import type { AdapterBook, AdapterChoice } from './adapters.js';
import { saveAnswerState, type AnswerState, type CutAnswer, type SavedAnswerState } from './answer-state.js';
import type { CacheKeyOf } from './cache-keys.js';
import { choosesTokens } from './choosing.js';
import type { GenerateRequest } from './generate-types.js';
import { promptSteps, renderPrompt, type PreparedPrompt, type PromptParts } from './prompt.js';
import type { SampleRun } from './sample-run.js';
import { NEW_THREAD, conversationEnds, type Thread, type Turn } from './session-thread.js';
import { shownTokens } from './shown-tokens.js';

/** What sessions need of its model. */
export interface SessionHost extends PromptParts {
  readonly table: SessionTable;
  readonly cache: Pick<KvCache, 'copyOut' | 'copyIn'>;
  /** Undefined: the digest of the weights is not known, and nothing can be saved for others. */
  readonly identity: ModelIdentity | undefined;
  readonly contextLength: number;
  /** Settles between two steps: what those that ended left behind is kept by then. */
  readonly settled: () => Promise<void>;
  readonly answerParser: () => AnswerParser;
  readonly cacheKeyOf: CacheKeyOf;
  readonly adapters: AdapterBook;
  /** The state of an answer that was cut, `answer` being its tokens so far; undefined if it cannot be made any more. */
  readonly restoreAnswer: (
    saved: SavedAnswerState,
    answer: Uint32Array,
    tenant: string,
  ) => Steps<AnswerState | undefined>;
}

/** A session that is taken for a request, and what its tokens are computed with. */
export interface TakenSession {
  readonly session: Session;
  readonly adapters: AdapterChoice;
}

/** What a turn begins from. */
interface TurnBase {
  readonly host: SessionHost;
  readonly threads: WeakMap<Session, Thread>;
  readonly taken: TakenSession;
  readonly thread: Thread;
  /** The request, with the whole conversation where it answers one. */
  readonly request: GenerateRequest;
}

/** A request that goes on from a session. */
export class SessionTurn {
  readonly session: Session;
  readonly prompt: PreparedPrompt;
  /** What the session's tokens are computed with. */
  readonly adapters: AdapterChoice;
  /** The answer that is taken up where it was cut. */
  readonly resumed: AnswerState | undefined;
  readonly #host: SessionHost;
  readonly #threads: WeakMap<Session, Thread>;
  readonly #request: GenerateRequest;
  readonly #thread: Thread;
  /** The conversation that is answered; undefined where text goes on. */
  readonly #messages: readonly ChatMessage[] | undefined;
  readonly #answerFrom: number;

  private constructor(
    base: TurnBase,
    prompt: PreparedPrompt,
    conversation: readonly ChatMessage[] | undefined,
    resumed?: AnswerState,
  ) {
    const { host, threads, taken, thread, request } = base;
    this.adapters = taken.adapters;
    this.session = taken.session;
    this.prompt = prompt;
    this.#host = host;
    this.#threads = threads;
    this.#thread = thread;
    this.#request = request;
    this.resumed = resumed;
    if (conversation === undefined) {
      const last = isNew(request) ? undefined : thread.turns.at(-1);
      this.#messages = last?.conversation?.()?.slice(0, -1);
      this.#answerFrom = last?.answerFrom ?? prompt.tokens.length;
      return;
    }
    this.#messages = conversation;
    this.#answerFrom = prompt.tokens.length;
  }

  /** A turn of a session that is taken, in steps. @throws StarlingError as `preparePrompt` */
  static *open(
    host: SessionHost,
    threads: WeakMap<Session, Thread>,
    taken: TakenSession,
    request: GenerateRequest,
  ): Steps<SessionTurn> {
    const thread = threads.get(taken.session) ?? NEW_THREAD;
    if (request.messages === undefined) {
      const prompt = yield* continued(host, taken.session, request);
      const cut = isNew(request) || choosesTokens(request) ? undefined : thread.cut;
      return new SessionTurn(
        { host, threads, taken, thread, request },
        prompt,
        undefined,
        cut && (yield* cut.resume()),
      );
    }
    const messages = conversationOf(taken.session, thread, request.messages);
    const whole: GenerateRequest = {
      ...thread.rendering,
      ...definedOf(request),
      prompt: undefined,
      tokens: undefined,
      messages,
    };
    return new SessionTurn(
      { host, threads, taken, thread, request: whole },
      yield* promptSteps(whole, host, taken.session.cacheKey),
      messages,
    );
  }

  /** The answer has ended, by itself or from outside: the session goes on after it. */
  settle(sample: SampleRun): void {
    const { table, tokenizer } = this.#host;
    const result = sample.result();
    const answer = shownTokens(result, tokenizer, this.#request.showSpecial === true);
    const tokens = joined(this.prompt.tokens, answer);
    const messages = this.#messages;
    const conversation = messages && once(() => this.#conversationAfter(messages, tokens.subarray(this.#answerFrom)));
    const common = commonLength(tokens, this.session.tokens);
    // An answer that is gone on with has not ended where it was cut.
    const turns = this.#thread.turns.filter((turn) => turn.tokens <= common && turn.answerFrom < this.#answerFrom);
    const { tools, templateVariables } = this.#request;
    const rendering = this.#request.messages ? { tools, templateVariables } : this.#thread.rendering;
    const state = sample.state;
    const turn: Turn = { tokens: tokens.length, answerFrom: this.#answerFrom, ...(conversation && { conversation }) };
    this.#threads.set(this.session, {
      adapters: this.adapters,
      turns: [...turns, turn],
      rendering,
      ...(result.finishReason !== 'stop' && { cut: cutAt(state) }),
    });
    table.settle(this.session, tokens);
  }

  /** It came to nothing. */
  abandon(): void {
    this.#host.table.abandon(this.session);
  }

  /** The conversation with the answer; undefined if that cannot be read as a message. */
  #conversationAfter(messages: readonly ChatMessage[], answer: Uint32Array): readonly ChatMessage[] | undefined {
    const { tokenizer, chatTemplate, answerParser } = this.#host;
    const { tools, templateVariables } = { ...this.#thread.rendering, ...this.#request };
    const { prefill = '' } = this.#request;
    try {
      const parser = answerParser();
      const prompt =
        parser.readsReasoning && prefill === ''
          ? renderPrompt({ messages, tools, templateVariables }, chatTemplate).text
          : '';
      const { role, ...rest } = parser.parse(prefill + tokenizer.decode(answer, { continuation: true }), {
        tools,
        prompt,
      });
      return [...messages, { role, ...rest }];
    } catch (error) {
      if (isStarlingError(error)) return undefined;
      throw error;
    }
  }
}

/** Whether it brings text or tokens along, after which a new answer begins. */
const isNew = ({ prompt, tokens }: GenerateRequest): boolean => prompt !== undefined || tokens !== undefined;

function cutAt(state: AnswerState): CutAnswer {
  return {
    saved: () => saveAnswerState(state),
    *resume() {
      return state;
    },
  };
}

/** The session's tokens and what is new; without anything new, it goes on where it ended. */
function* continued(host: SessionHost, session: Session, request: GenerateRequest): Steps<PreparedPrompt> {
  const { tokens: before, id, cacheKey } = session;
  const { prompt, tokens, parseSpecial = true } = request;
  const { tokenizer, encoder } = host;
  if (prompt === undefined && tokens === undefined) {
    if (before.length === 0) throw refused('prompt', `session ${id} is new, and there is nothing to go on from`);
    return { tokens: before, checkpoints: [] };
  }
  const isText = prompt !== undefined && tokens === undefined;
  if (before.length === 0 || !isText) {
    const more = yield* promptSteps(request, host, cacheKey);
    return before.length === 0 ? more : { tokens: joined(before, more.tokens), checkpoints: [] };
  }
  const more = parseSpecial
    ? (yield* encoder.steps([{ text: prompt, literal: false }], undefined, { continuation: true })).tokens
    : yield* encoded(tokenizer, prompt, { continuation: true });
  return { tokens: joined(before, more), checkpoints: [] };
}

/**
 * The whole conversation. One that begins as the session's own does, and has more than that message, is whole as it is; other messages
 * are what is new in it.
 */
function conversationOf(session: Session, { turns }: Thread, sent: readonly ChatMessage[]): readonly ChatMessage[] {
  const last = turns.at(-1);
  if (last === undefined) return sent;
  const before = last.tokens === session.tokens.length ? last.conversation?.() : undefined;
  if (before === undefined) {
    const ends = conversationEnds(turns);
    throw refused(
      'messages',
      `session ${session.id} goes on from text, not from the end of an answer: send a prompt, or ${
        ends.length === 0 ? 'begin another session' : `rewind it to one of ${JSON.stringify(ends)}`
      }`,
    );
  }
  const isWhole = sent.length > 1 && JSON.stringify(sent[0]) === JSON.stringify(before[0]);
  return isWhole ? sent : [...before, ...sent];
}

function joined(before: Uint32Array, after: ArrayLike<number>): Uint32Array {
  const all = new Uint32Array(before.length + after.length);
  all.set(before);
  all.set(after, before.length);
  return all;
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}

function commonLength(a: Uint32Array, b: Uint32Array): number {
  let common = 0;
  while (common < a.length && common < b.length && a[common] === b[common]) common++;
  return common;
}

const definedOf = (request: GenerateRequest): GenerateRequest =>
  Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)) as GenerateRequest;

function refused(param: string, problem: string): StarlingError {
  return parameterError('invalid_request', param, problem);
}
