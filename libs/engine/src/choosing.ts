import type { GenerateOptions, GenerateRequest } from './generate-types.js';

/** What of a request says nothing of how tokens are chosen. */
const OTHER_PARAMETERS: ReadonlySet<string> = new Set<keyof GenerateRequest>([
  'id',
  'tenant',
  'session',
  'sessionId',
  'opensSession',
  'cacheSalt',
  'cachePrompt',
  'adapters',
  'prompt',
  'tokens',
  'messages',
  'tools',
  'addGenerationPrompt',
  'templateVariables',
  'documents',
  'continueFinalMessage',
  'prefill',
  'addSpecial',
  'parseSpecial',
  'showSpecial',
  'maxTokens',
  'stop',
  'n',
  'logprobs',
  'promptLogprobs',
  'candidates',
  'progress',
  'weight',
  'priority',
  'maxPriority',
  'maxWaitMs',
  'deadlineMs',
  'signal',
]);

/** What a request says of how tokens are chosen: sampling, and the shape of the answer. */
export function choosingOf(request: GenerateOptions): GenerateOptions {
  return Object.fromEntries(
    Object.entries(request).filter(([name, value]) => value !== undefined && !OTHER_PARAMETERS.has(name)),
  ) as GenerateRequest;
}

/** Whether it says anything of it. */
export const choosesTokens = (request: GenerateOptions): boolean => Object.keys(choosingOf(request)).length > 0;
