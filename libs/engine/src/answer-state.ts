import type { AnswerParser } from '@starling/chat';
import { isStarlingError, type ErrorCode } from '@starling/core';
import { createSampler, type Sampler, type SamplerState, type SamplerVocabulary } from '@starling/sampler';
import type { Steps } from './aside/steps.js';
import type { OutputMatcher } from './constraint.js';
import type { GenerateOptions, OutputConstraint } from './generate-types.js';

/** Where the choice of tokens stands in an answer, so that it can be taken up there. */
export interface AnswerState {
  /** What the request said of how tokens are chosen, with the seed that was drawn. */
  readonly choosing: GenerateOptions;
  /** It has seen the prompt and the answer so far. */
  readonly sampler: Sampler;
  /** It has seen the answer so far. */
  readonly constraint: OutputMatcher | undefined;
}

/** The same as plain values for JSON. */
export interface SavedAnswerState {
  readonly choosing: GenerateOptions;
  readonly sampler: SamplerState;
}

export const saveAnswerState = ({ choosing, sampler }: AnswerState): SavedAnswerState => ({
  choosing,
  sampler: sampler.save(),
});

/** An answer that was cut, so that it can be gone on with. */
export interface CutAnswer {
  saved(): SavedAnswerState;
  /** In steps; undefined for a state that cannot be made any more. */
  resume(): Steps<AnswerState | undefined>;
}

/**
 * @param answer tokens that the constraint has seen
 * @returns undefined for what is of another version, or from elsewhere and not what it should be: the answer goes on with a sampler of its own
 * @throws StarlingError for want of time or room to compile its grammar
 */
export function* restoreAnswerState(
  { choosing, sampler: state }: SavedAnswerState,
  answer: Iterable<number>,
  sampling: SamplerVocabulary,
  compile: (constraint: OutputConstraint) => OutputMatcher,
): Steps<AnswerState | undefined> {
  try {
    const sampler = createSampler(choosing, sampling);
    sampler.restore(state);
    const shape = shapeOf(choosing);
    if (shape === undefined) return { choosing, sampler, constraint: undefined };
    yield { kind: 'compile', constraint: shape };
    const constraint = compile(shape);
    for (const id of answer) {
      constraint.advance(id);
      yield { kind: 'pause' };
    }
    return { choosing, sampler, constraint };
  } catch (error) {
    if (isStarlingError(error) && !UNSOUND.has(error.code)) throw error;
    return undefined;
  }
}

/** What is thrown for a state that is not what it should be. */
const UNSOUND: ReadonlySet<ErrorCode> = new Set(['invalid_argument', 'invalid_request', 'invalid_grammar']);

/** The shape that a request's answer must have; undefined if it may have any. */
function shapeOf({ grammar, jsonSchema, regex, toolCalls, frame }: OutputConstraint): OutputConstraint | undefined {
  if (grammar === undefined && jsonSchema === undefined && regex === undefined && toolCalls === undefined)
    return undefined;
  return { grammar, jsonSchema, regex, toolCalls, frame };
}

/** Whether an answer goes on with what of it the prompt, and text given beside it, has begun. */
export const isBegun = ({ prefill, continueFinalMessage }: GenerateOptions): boolean =>
  (prefill !== undefined && prefill !== '') || continueFinalMessage === true;

/**
 * The shape that an answer must have, where it follows a prompt.
 * @param prompt the rendered conversation: what it begins for the model is known by it
 */
export function shapeAfter(
  prompt: string | undefined,
  request: GenerateOptions,
  parser: () => AnswerParser,
): OutputConstraint | undefined {
  const shape = shapeOf(request);
  if (shape === undefined || prompt === undefined || (shape.toolCalls ?? shape.frame) === undefined) return shape;
  if (isBegun(request)) return shapeOfRest(`${prompt}${request.prefill ?? ''}`, shape, parser());
  const reasoning = parser().reasoningAfter(prompt);
  return {
    ...shape,
    toolCalls: shape.toolCalls && { reasoning, ...shape.toolCalls },
    frame: shape.frame && { reasoning, ...shape.frame },
  };
}

/** The shape of the rest of an answer: no calls are demanded behind one, and what begins an answer is not begun again. */
function shapeOfRest(
  begun: string,
  { toolCalls, ...shape }: OutputConstraint,
  parser: AnswerParser,
): OutputConstraint | undefined {
  const { reasoningStart: reasoning, hasCalledBefore } = parser.reader({
    tools: toolCalls?.tools,
    prompt: begun,
    isBegun: true,
  });
  const framed = { ...shape, frame: shape.frame && { reasoning, ...shape.frame } };
  if (toolCalls === undefined || hasCalledBefore) return shapeOf(framed);
  const { format } = toolCalls;
  const rest =
    typeof format === 'object'
      ? { ...format, begun: '', contentStart: reasoning === 'closed' ? '' : format.contentStart }
      : format;
  return { ...framed, toolCalls: { reasoning, ...toolCalls, format: rest } };
}
