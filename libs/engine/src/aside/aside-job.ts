import type { ChatMessage, ChatPrompt, RenderOptions } from '@starling/chat';
import type { PackedAutomata, TokenTrie } from '@starling/grammar';
import type { EncodeOptions, Encoding } from '@starling/tokenizer';
import type { OutputConstraint } from '../generate-types.js';

/** Work that a request brings along and that may take long, with what comes of it. */
export interface AsideJobs {
  /** The automata of a constraint. Refuses a constraint as compiling it does. */
  readonly compile: { readonly given: OutputConstraint; readonly result: PackedAutomata };
  /** The vocabulary's tree of tokens, for masks. */
  readonly index: { readonly given: { readonly logitCount: number }; readonly result: TokenTrie };
  readonly encode: {
    readonly given: { readonly text: string; readonly options: EncodeOptions; readonly withOffsets: boolean };
    readonly result: Partial<Encoding> & Pick<Encoding, 'ids'>;
  };
  /** A conversation as text, by a chat template of this source. */
  readonly render: {
    readonly given: {
      readonly source: string;
      readonly messages: readonly ChatMessage[];
      readonly options: RenderOptions;
    };
    readonly result: ChatPrompt;
  };
  readonly decode: { readonly given: Uint32Array; readonly result: string };
}

export type AsideKind = keyof AsideJobs;

/** What a thread is told. */
export interface AsideRequest {
  readonly kind: AsideKind;
  readonly given: unknown;
}

/** What a thread answers: to each request one. */
export type AsideReply =
  | { readonly result: unknown }
  | { readonly refusal: { readonly code: string; readonly message: string; readonly details: object } }
  | { readonly fault: string };

/** A thread that does one job after the other. */
export interface AsideThread {
  post(request: AsideRequest): void;
  onReply(listener: (reply: AsideReply) => void): void;
  /** It ended by itself. */
  onEnd(listener: (reason: string) => void): void;
  terminate(): void;
}

/** Does long work beside the thread that serves. */
export interface AsideWork {
  /**
   * @param options.tenant whose request it is: tenants take turns
   * @throws StarlingError what the work itself refuses; queue_full, unprocessable if it takes too long, cancelled, closed
   */
  do<Kind extends AsideKind>(
    kind: Kind,
    given: AsideJobs[Kind]['given'],
    options?: { readonly tenant?: string; readonly signal?: AbortSignal },
  ): Promise<AsideJobs[Kind]['result']>;
  close(): void;
}
