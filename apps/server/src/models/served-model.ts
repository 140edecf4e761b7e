import type { GenerateRequest, LanguageModel } from '@starling/engine';
import type { OperatorDefaults } from '../operator-defaults.js';
import type { ServedModel } from '../parts.js';

/** What a model is served with. */
export interface ServedOptions {
  readonly defaults: OperatorDefaults;
  /** Names that requests may call it by, beside its own. */
  readonly aliases: readonly string[];
  readonly tags: readonly string[];
}

/** A loaded model with what the operator said of it. */
export function servedModel(model: LanguageModel, { defaults, aliases, tags }: ServedOptions): ServedModel {
  const { templateVariables } = defaults;
  const withVariables = <T extends Pick<GenerateRequest, 'templateVariables' | 'tools'>>(input: T): T =>
    templateVariables === undefined
      ? input
      : { ...input, templateVariables: { ...templateVariables(input.tools ?? []), ...input.templateVariables } };
  return {
    info: model.info,
    tokenizer: model.tokenizer,
    defaults,
    samplerDefaults: model.samplerDefaults,
    chatTemplate: model.chatTemplate,
    aliases,
    tags,
    statistics: () => model.statistics(),
    generate(request) {
      const maxTokens = request.maxTokens ?? defaults.maxTokens;
      const reasoningTokens = request.reasoningTokens ?? defaults.reasoningTokens;
      const limited: GenerateRequest = {
        ...request,
        maxTokens: finiteOf(maxTokens),
        reasoningTokens: finiteOf(reasoningTokens),
      };
      return model.beside.generate(withVariables(limited));
    },
    get answerParser() {
      return model.answerParser;
    },
    applyTemplate: (messages, options = {}, caller) =>
      model.beside.applyTemplate(messages, withVariables(options), caller),
    countTokens: (input, caller) => model.beside.countTokens(withVariables(input), caller),
    encode: (text, options, caller) => model.beside.encode(text, options, caller),
    decode: (tokens, caller) => model.beside.decode(tokens, caller),
    adapters: () => model.adapters,
    setAdapterScales: (scales) => model.setAdapterScales(scales),
    sessionsOf: (tenant) => model.sessionsOf(tenant),
    rerank: (query, documents, options) => model.rerank(query, documents, options),
    embed: (input, options) => model.embed(input, options),
  };
}

const finiteOf = (limit: number | undefined): number | undefined => (limit === Infinity ? undefined : limit);
