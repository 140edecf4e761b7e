import type { ModelEntry } from '../../parts.js';

/**
 * What a page must know beside a model's file to answer as this server does: the chat template that is in use, and what the operator said of
 * sampling, length, reasoning and the template's variables; in the engine's words. Numbers that JSON has not are texts (`-Infinity`).
 */
export function tabDefaults({ model, defaults = model?.defaults ?? {} }: ModelEntry): object {
  const { sampling, maxTokens, reasoningTokens, templateVariables } = defaults;
  const said = {
    chatTemplate: model?.chatTemplate,
    samplerDefaults: sampling,
    maxTokens,
    reasoningTokens,
    templateVariables: templateVariables?.([]),
  };
  return JSON.parse(
    JSON.stringify(said, (_, value: unknown) => (Math.abs(value as number) === Infinity ? String(value) : value)),
  ) as object;
}
