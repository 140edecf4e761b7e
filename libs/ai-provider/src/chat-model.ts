import type {
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3GenerateResult,
  LanguageModelV3StreamPart,
  LanguageModelV3StreamResult,
} from '@ai-sdk/provider';
import { answerChat, wholeAnswer, type ChatAnswer } from '@starling/engine';
import { contentOf, reasoningTokensOf, streamOf } from './answer-stream.js';
import { askedChat, type AskedChat } from './chat-request.js';
import { callerError } from './errors.js';
import type { HostModel } from './host-models.js';
import { PROVIDER, type StarlingOptions } from './options.js';
import { finishOf, metadataOf, usageOf } from './usage.js';

/** A chat that was begun, and what asks. */
interface BegunChat extends Pick<AskedChat, 'warnings'> {
  readonly answer: ChatAnswer;
  readonly model: HostModel;
}

/** A loaded model as the SDK asks it. */
export class ChatLanguageModel implements LanguageModelV3 {
  readonly specificationVersion = 'v3';
  readonly provider = `${PROVIDER}.chat`;
  readonly modelId: string;
  /** None: files are not read, so that the SDK has nothing to fetch. */
  readonly supportedUrls = {};
  readonly #model: () => HostModel;
  readonly #defaults: StarlingOptions;

  constructor(modelId: string, model: () => HostModel, defaults: StarlingOptions) {
    this.modelId = modelId;
    this.#model = model;
    this.#defaults = defaults;
  }

  /** @throws UnsupportedFunctionalityError, StarlingError, APICallError (what may pass), NoSuchModelError, and the signal's reason */
  async doGenerate(call: LanguageModelV3CallOptions): Promise<LanguageModelV3GenerateResult> {
    const { abortSignal: signal } = call;
    const { answer, model, warnings } = await this.#begin(call);
    try {
      const { samples, done } = await wholeAnswer(answer);
      signal?.throwIfAborted();
      const [sample] = samples;
      if (sample.warnings.length > 0)
        warnings.push({ type: 'other', message: `of how the answer was read: ${sample.warnings.join(', ')}` });
      return {
        content: contentOf(sample),
        finishReason: finishOf(sample),
        usage: usageOf(done, await reasoningTokensOf(sample, counterOf(model))),
        providerMetadata: metadataOf(sample, done),
        response: { id: done.id, timestamp: new Date(), modelId: done.model },
        warnings,
      };
    } catch (error) {
      throw callerError(error, this.modelId, signal);
    }
  }

  /** The same as it comes: what is refused is refused before there is a stream. Leaving the stream ends the answer. */
  async doStream(call: LanguageModelV3CallOptions): Promise<LanguageModelV3StreamResult> {
    const { abortSignal: signal, includeRawChunks: isRaw = false } = call;
    const { answer, model, warnings } = await this.#begin(call);
    const parts = streamOf(answer, {
      warnings,
      modelId: model.info.name,
      isRaw,
      countTokens: counterOf(model),
      errorOf: (error) => callerError(error, this.modelId, signal),
    });
    return { stream: readable(parts, () => answer.generation.cancel(), signal) };
  }

  async #begin(call: LanguageModelV3CallOptions): Promise<BegunChat> {
    const { abortSignal: signal } = call;
    signal?.throwIfAborted();
    try {
      const model = this.#model();
      const { request, warnings } = askedChat(call, this.#defaults);
      const answer = await answerChat(
        { answerParser: model.answerParser, generate: (one) => model.beside.generate(one) },
        request,
      );
      return { answer, model, warnings };
    } catch (error) {
      throw callerError(error, this.modelId, signal);
    }
  }
}

/** Counts tokens of reasoning, long ones beside. */
const counterOf =
  (model: HostModel) =>
  async (text: string): Promise<number> =>
    (await model.beside.encode(text, { addSpecial: false })).ids.length;

/** Parts as a web stream, made when they are asked for. An abort is its failure, as it is of a request over HTTP. */
function readable(
  parts: AsyncGenerator<LanguageModelV3StreamPart, void, undefined>,
  leave: () => void,
  signal: AbortSignal | undefined,
): ReadableStream<LanguageModelV3StreamPart> {
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await parts.next();
        if (signal?.aborted === true) controller.error(signal.reason);
        else if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        // The next part may be long in coming: it is not waited for.
        leave();
        await parts.return();
      },
    },
    { highWaterMark: 0 },
  );
}
