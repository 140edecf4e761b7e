import { AnswerBuilder, type Chunk } from './answer-builder.js';
import type { AnswerFacts, Conversation, Turn } from './conversation.js';
import { requestBody, type ChatBody } from './request-body.js';

/** How often an answer under way is kept, in milliseconds: a tab that is closed has it so far. */
const KEEP_MS = 2000;

/** An answer that comes in. */
export interface ComingAnswer {
  readonly turn: Turn;
  readonly builder: AnswerBuilder;
  /** Milliseconds of the page's clock; the first piece's once it is there. */
  readonly startedAt: number;
  readonly firstAt: number | undefined;
  stop(): void;
}

/** Answers a body of `POST /v1/chat/completions`: its chunks as they come, failures among them. Throws when the signal aborts, or when nobody can be reached. */
export type Answerer = (body: ChatBody, signal: AbortSignal) => AsyncIterable<Chunk>;

export interface AnswersListener {
  /** Something of it came. */
  advanced(answer: ComingAnswer): void;
  /** What there is of it, to be kept. */
  keep(turn: Turn): Promise<void>;
  /** It has come to its end, whatever that is. */
  ended(turn: Turn): void;
}

/** The answers that come in, one a conversation at most: they go on while another conversation is looked at. */
export class Answers {
  readonly #listener: AnswersListener;
  readonly #coming = new Map<string, ComingAnswer>();

  constructor(listener: AnswersListener) {
    this.#listener = listener;
  }

  /** The one that comes in for a conversation. */
  of(conversation: string | undefined): ComingAnswer | undefined {
    return conversation === undefined ? undefined : this.#coming.get(conversation);
  }

  get all(): Iterable<ComingAnswer> {
    return this.#coming.values();
  }

  isComing(turn: string): boolean {
    return [...this.#coming.values()].some((answer) => answer.turn.id === turn);
  }

  /** Asks for the answer that follows a path of turns, and fills `turn` with it. */
  async fill(turn: Turn, path: readonly Turn[], { settings }: Conversation, answerer: Answerer): Promise<void> {
    const controller = new AbortController();
    const answer = {
      turn,
      builder: new AnswerBuilder(),
      startedAt: performance.now(),
      firstAt: undefined as number | undefined,
      reasonedAt: undefined as number | undefined,
      stop: () => controller.abort(),
    };
    this.#coming.set(turn.conversation, answer);
    const { builder } = answer;
    const isJson = settings.schema !== undefined && settings.schema.trim() !== '';
    const soFar = (end?: AnswerFacts['end'], failure?: AnswerFacts['failure']): Turn =>
      filled(turn, builder, {
        isJson,
        reasoningMs: answer.reasonedAt && answer.reasonedAt - answer.startedAt,
        end,
        failure,
      });
    let keptAt = performance.now();
    let end: AnswerFacts['end'] = 'failed';
    try {
      for await (const chunk of answerer(requestBody(path, settings), controller.signal)) {
        const now = performance.now();
        builder.push(chunk);
        if (builder.pieces > 0) answer.firstAt ??= now;
        if (builder.text !== '' && builder.reasoning !== '') answer.reasonedAt ??= now;
        answer.turn = soFar();
        this.#listener.advanced(answer);
        if (now - keptAt < KEEP_MS) continue;
        keptAt = now;
        void this.#listener.keep(answer.turn);
      }
      end = builder.end ?? 'stop';
    } catch {
      end = controller.signal.aborted ? 'stopped' : 'failed';
    }
    const failure =
      end === 'failed' ? (builder.failure ?? { code: 'network', message: 'The server cannot be reached.' }) : undefined;
    const last = soFar(end, failure);
    this.#coming.delete(turn.conversation);
    await this.#listener.keep(last);
    this.#listener.ended(last);
  }
}

interface Ending {
  readonly isJson: boolean;
  readonly reasoningMs?: number;
  readonly end: AnswerFacts['end'];
  readonly failure: AnswerFacts['failure'];
}

function filled(turn: Turn, builder: AnswerBuilder, { isJson, reasoningMs, end, failure }: Ending): Turn {
  const { text, reasoning, calls, tokens, model, figures } = builder;
  return {
    ...turn,
    text,
    ...(reasoning !== '' && { reasoning }),
    ...(calls.length > 0 && { calls }),
    ...(tokens.length > 0 && end !== undefined && { tokens }),
    answer: {
      ...(model !== undefined && { model }),
      ...(end !== undefined && { end }),
      ...(failure && { failure }),
      ...(figures && { figures }),
      ...(reasoningMs !== undefined && { reasoningMs: Math.round(reasoningMs) }),
      ...(isJson && { isJson }),
    },
  };
}
