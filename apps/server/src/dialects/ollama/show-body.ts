import type { ServedModel } from '../../parts.js';
import { SAMPLING_NAMES } from '../sampling.js';

/** What is known of a model whatever its state. */
interface ShownModel {
  readonly details: object;
  readonly model_info: object;
  readonly capabilities: readonly string[];
  readonly template: string;
}

/**
 * What `POST /api/show` answers.
 * @param sampling how tokens are chosen where a request does not say
 * @param from what the model was made from: a path for those who run the server, else a name
 */
export function shownBody(
  shown: ShownModel,
  sampling: ServedModel['samplerDefaults'],
  from: string,
  modifiedAt = new Date(0),
): object {
  const parameters = parametersOf(sampling);
  const template = shown.template === '' ? [] : [`TEMPLATE ${quoted(shown.template)}`];
  return {
    license: '',
    modelfile: [
      `FROM ${from}`,
      ...template,
      ...parameters.map(([name, value]) => `PARAMETER ${name} ${value}`),
      '',
    ].join('\n'),
    parameters: parameters.map(([name, value]) => `${name.padEnd(30)} ${value}`).join('\n'),
    modified_at: modifiedAt.toISOString(),
    ...shown,
  };
}

/** Parameters that this API has a name for are one number or text; lists are a line for each of their parts. */
function parametersOf(sampling: ServedModel['samplerDefaults']): (readonly [name: string, value: string])[] {
  return Object.entries(SAMPLING_NAMES).flatMap(([name, own]) => {
    const value: unknown = sampling[own as keyof typeof sampling];
    if (typeof value !== 'number' && typeof value !== 'string' && typeof value !== 'boolean') return [];
    return [[name, JSON.stringify(value)] as const];
  });
}

/** A text of several lines, as files of models have it. */
const quoted = (text: string): string => `"""${text}"""`;
