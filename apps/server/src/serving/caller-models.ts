import { isStarlingError, parameterError, StarlingError } from '@starling/core';
import { mayUseModel, type Principal } from '../access/principal.js';
import type { FinishedAnswer, ModelDirectory, ModelEntry, ServedModel } from '../parts.js';
import { nameFor } from '../dialects/pick-model.js';
import { slotOf, type SavedSlots } from '../saved/saved-slots.js';
import type { RequestUsage } from './usage.js';

/** Whose request it is. */
export interface Caller {
  readonly principal: Principal;
  readonly signal: AbortSignal;
  readonly usage: RequestUsage;
  /** Where sessions can be saved: what ends is then kept as one, by the slot that it ran in. */
  readonly saved?: SavedSlots;
  /** An answer came to its end. */
  readonly onAnswer?: (answer: FinishedAnswer) => void;
}

/** The models as one caller sees them: those that it may use, and each asked in its name. */
export class CallerModels implements ModelDirectory {
  readonly #models: ModelDirectory;
  readonly #caller: Caller;

  constructor(models: ModelDirectory, caller: Caller) {
    this.#models = models;
    this.#caller = caller;
  }

  /** What could not be loaded may be no more than a mistyped name: it is told to those who run the server. */
  list(): readonly ModelEntry[] {
    const isUser = this.#caller.principal.role === 'user';
    return this.#allowed().filter(({ state }) => !isUser || state !== 'failed');
  }

  #allowed(): readonly ModelEntry[] {
    return this.#models.list().filter(({ name }) => mayUseModel(this.#caller.principal, name));
  }

  resolve(name?: string): string | undefined {
    return this.#models.resolve(name);
  }

  /** What the model is called that a request is about, if the caller may use it: for it to be there when the request is answered. */
  wanted(name?: string): string | undefined {
    const { principal } = this.#caller;
    const asked = name ?? (principal.models === undefined ? undefined : this.#allowed().at(0) && this.#firstAllowed());
    const found = asked === undefined ? this.#models.resolve() : nameFor(this, asked);
    return found !== undefined && (mayUseModel(principal, found) || mayUseModel(principal, asked ?? ''))
      ? found
      : undefined;
  }

  /** @throws StarlingError model_not_loaded, or forbidden for a model that the caller may not use */
  pick(name?: string): ServedModel {
    const { principal } = this.#caller;
    const asked = name ?? (principal.models === undefined ? undefined : this.#firstAllowed());
    const model = this.#picked(asked);
    if (!mayUseModel(principal, model.info.name) && !mayUseModel(principal, asked ?? '')) {
      throw new StarlingError(
        'forbidden',
        `model: the key "${principal.name}" may not use "${asked ?? model.info.name}"`,
        { details: { param: 'model' } },
      );
    }
    return inNameOf(model, this.#caller);
  }

  #picked(asked: string | undefined): ServedModel {
    try {
      return this.#models.pick(asked);
    } catch (error) {
      const { principal } = this.#caller;
      if (principal.models === undefined || !isStarlingError(error, 'model_not_loaded')) throw error;
      // Names of models that it may not use are none of its business.
      const ready = this.#allowed()
        .filter(({ state }) => state === 'ready')
        .map(({ name }) => name);
      throw new StarlingError(
        'model_not_loaded',
        `there is no model ${asked ?? ''} for the key "${principal.name}"; ready: ${ready.join(', ') || 'none'}`,
        { details: { param: 'model', model: asked, ready } },
      );
    }
  }

  /** A model that can answer, if one of those allowed can. */
  #firstAllowed(): string {
    const allowed = this.#allowed();
    const first = allowed.find(({ state }) => state === 'ready') ?? allowed.at(0);
    if (first === undefined)
      throw new StarlingError(
        'forbidden',
        `the key "${this.#caller.principal.name}" may use none of the models that are served`,
        { details: { param: 'model' } },
      );
    return first.name;
  }
}

/** A model that is asked in a caller's name: its tenant, weight and priority hold whatever a request says, and what it costs is counted. */
function inNameOf(model: ServedModel, { principal, signal, usage, saved, onAnswer }: Caller): ServedModel {
  const { name } = model.info;
  const { tenant, weight, maxPriority } = principal;
  const terms = { tenant, weight, maxPriority, signal };
  return {
    info: model.info,
    defaults: model.defaults,
    samplerDefaults: model.samplerDefaults,
    chatTemplate: model.chatTemplate,
    aliases: model.aliases,
    tags: model.tags,
    tokenizer: model.tokenizer,
    get answerParser() {
      return model.answerParser;
    },
    adapters: () => model.adapters(),
    setAdapterScales: (scales) => model.setAdapterScales(scales),
    sessionsOf: () => model.sessionsOf(principal.tenant),
    statistics: () => model.statistics(),
    applyTemplate: (messages, options) => model.applyTemplate(messages, options, terms),
    countTokens: (input) => model.countTokens(input, terms),
    encode: (text, options) => model.encode(text, options, terms),
    decode: (tokens) => model.decode(tokens, terms),
    async generate(request) {
      const { priority } = request;
      if (priority !== undefined && priority > maxPriority) {
        throw parameterError(
          'forbidden',
          'priority',
          `${priority} is beyond ${maxPriority}, the highest that the key "${principal.name}" may ask for`,
          { details: { limit: maxPriority } },
        );
      }
      const generation = await model.generate({ ...request, ...(saved && { opensSession: true }), ...terms });
      const operation = request.messages === undefined ? 'text_completion' : 'chat';
      return usage.counted(operation, name, generation, (done) => {
        onAnswer?.({ operation, model: name, done });
        const { sessionId } = done;
        if (sessionId !== undefined) saved?.note(tenant, name, slotOf(request.session), sessionId);
      });
    },
    async rerank(query, documents, options) {
      const result = await model.rerank(query, documents, { ...options, ...terms });
      usage.notePrompt('rerank', name, result.promptTokens);
      return result;
    },
    async embed(input, options) {
      const result = await model.embed(input, { ...options, ...terms });
      usage.notePrompt('embeddings', name, result.promptTokens);
      return result;
    },
  };
}
