import { parameterError, type StarlingError } from '@starling/core';
import type { GenerateRequest } from './generate-types.js';

interface Range {
  readonly min: number;
  readonly max: number;
  readonly isWhole: boolean;
}

const RANGES = {
  maxTokens: { min: 0, max: Number.MAX_SAFE_INTEGER, isWhole: true },
  n: { min: 1, max: 128, isWhole: true },
  logprobs: { min: 0, max: 100, isWhole: true },
  promptLogprobs: { min: 0, max: 100, isWhole: true },
  reasoningTokens: { min: 0, max: Number.MAX_SAFE_INTEGER, isWhole: true },
  candidates: { min: 0, max: 100, isWhole: true },
  priority: { min: -1000, max: 1000, isWhole: true },
  deadlineMs: { min: 0, max: Number.MAX_SAFE_INTEGER, isWhole: false },
} as const satisfies Partial<Record<keyof GenerateRequest, Range>>;

/** Stop strings of one request, and characters of one of them: each is looked for after every token. */
const MAX_STOPS = 64;
const MAX_STOP_LENGTH = 1024;

/**
 * Checks the limits of a request that are not the sampler's, the prompt's or the grammar's.
 * @throws StarlingError invalid_request naming the parameter, what it may be, and what it was
 */
export function checkGenerate(request: GenerateRequest): void {
  for (const [name, { min, max, isWhole }] of Object.entries(RANGES) as [keyof typeof RANGES, Range][]) {
    const value = request[name];
    if (value === undefined) continue;
    if (typeof value !== 'number' || !(value >= min && value <= max) || (isWhole && !Number.isInteger(value))) {
      throw refused(name, `must be a ${isWhole ? 'whole ' : ''}number from ${min} to ${max}, not ${String(value)}`);
    }
  }
  const { stop = [] } = request;
  if (!Array.isArray(stop) || stop.length > MAX_STOPS)
    throw refused('stop', `must be a list of at most ${MAX_STOPS} texts`);
  for (const text of stop as unknown[]) {
    if (typeof text !== 'string' || text === '' || text.length > MAX_STOP_LENGTH)
      throw refused('stop', `each stop text must have 1 to ${MAX_STOP_LENGTH} characters`);
  }
  const constraints = (['grammar', 'jsonSchema', 'regex'] as const).filter((name) => request[name] !== undefined);
  if (constraints.length > 1)
    throw refused(constraints[1], `give one of grammar, jsonSchema and regex, not ${constraints.join(' and ')}`);
}

/**
 * Checks what cannot be asked of a model that reads prompts with an encoder.
 * @throws StarlingError not_supported naming the parameter
 */
export function checkReadPrompt({ sessionId, promptLogprobs }: GenerateRequest, name: string): void {
  const refusal = (param: string, problem: string): StarlingError =>
    parameterError('not_supported', param, `model ${name} reads each prompt as a whole: ${problem}`);
  if (sessionId !== undefined) throw refusal('sessionId', 'there is nothing to go on from; send the whole prompt');
  if (promptLogprobs !== undefined) throw refusal('promptLogprobs', 'its tokens have no likelihoods');
}

function refused(param: string, problem: string): StarlingError {
  return parameterError('invalid_request', param, problem);
}
