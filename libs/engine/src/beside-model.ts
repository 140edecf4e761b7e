import { StarlingError } from '@starling/core';
import type { EncodeOptions, Encoding, Tokenizer } from '@starling/tokenizer';
import type { ChatInput } from './chat-types.js';
import type { AsideWork } from './aside/aside-job.js';
import { LONG_TEXT, atOnce, beside, type StepCaller, type Steps } from './aside/steps.js';
import type { WaitingCompiler } from './compile-constraint.js';
import type { GenerateRequest, Generation, PromptInput } from './generate-types.js';
import { checkedTokens, promptSteps, renderSteps, type PromptParts } from './prompt.js';

/** Token ids that are decoded at once. */
const LONG_TOKENS = 1 << 14;

/** What a model is asked with. */
export interface BesideHost {
  readonly promptParts: PromptParts;
  /** Absent: all is done on the calling thread. */
  readonly aside: AsideWork | undefined;
  readonly compiler: Pick<WaitingCompiler, 'prepare'> | undefined;
  readonly generation: (request: GenerateRequest) => Steps<Generation>;
}

/** A model, asked so that what takes long is done beside the calling thread, where there is a thread for it: tokenizing long texts, working out grammars. */
export class BesideModel {
  readonly #host: BesideHost;
  readonly #tokenizer: Tokenizer;

  constructor(host: BesideHost) {
    this.#host = host;
    this.#tokenizer = host.promptParts.tokenizer;
  }

  /** As `LanguageModel.generate`: the request is queued when this resolves. @throws StarlingError as that, and unprocessable if preparing it takes too long */
  generate(request: GenerateRequest): Promise<Generation> {
    return this.run(this.#host.generation(request), request);
  }

  /** As `LanguageModel.countTokens`. */
  async countTokens(input: PromptInput & Omit<ChatInput, 'messages'>, caller: StepCaller = {}): Promise<number> {
    return (await this.run(promptSteps(input, this.#host.promptParts), caller)).tokens.length;
  }

  /** As `LanguageModel.applyTemplate`. */
  async applyTemplate(
    messages: ChatInput['messages'],
    options: Omit<ChatInput, 'messages'> = {},
    caller: StepCaller = {},
  ): Promise<string> {
    return (await this.run(renderSteps({ ...options, messages }, this.#host.promptParts.chatTemplate), caller)).text;
  }

  /** The ids of a text, and the bytes of it that each came from where that is asked. */
  async encode(
    text: string,
    { withOffsets = false, ...options }: EncodeOptions & { readonly withOffsets?: boolean } = {},
    caller: StepCaller = {},
  ): Promise<Partial<Encoding> & Pick<Encoding, 'ids'>> {
    const { aside } = this.#host;
    if (aside && text.length > LONG_TEXT) return aside.do('encode', { text, options, withOffsets }, caller);
    return withOffsets
      ? this.#tokenizer.encodeWithOffsets(text, options)
      : { ids: this.#tokenizer.encode(text, options) };
  }

  /** The text of ids. @throws StarlingError invalid_request for an id that is not in the vocabulary */
  async decode(tokens: ArrayLike<number>, caller: StepCaller = {}): Promise<string> {
    const ids = checkedTokens(tokens, this.#tokenizer.vocabSize, 'tokens');
    const { aside } = this.#host;
    return aside && ids.length > LONG_TOKENS ? aside.do('decode', ids, caller) : this.#tokenizer.decode(ids);
  }

  /** Does what steps of work need that takes long. @throws StarlingError cancelled, unprocessable, and what the steps throw */
  async run<T>(steps: Steps<T>, caller: StepCaller): Promise<T> {
    const { aside, compiler } = this.#host;
    if (aside === undefined) return atOnce(steps, this.#tokenizer);
    const result = await beside(steps, aside, compiler, caller);
    if (caller.signal?.aborted === true)
      throw new StarlingError('cancelled', 'the request was cancelled before it was queued');
    return result;
  }
}
