import type { ChatAnswer, ChatPart, ChatSample } from '@starling/engine';
import type { StreamEvent } from '../../dialect.js';
import { progressOf, RunningTimings, timingsOf } from '../../timings.js';
import { errorReply } from '../../../serving/error-reply.js';
import { CustomCalls } from '../custom-calls.js';
import { OPENAI_ERRORS } from '../error-table.js';
import { EventSequence, ResponseOutput, type OutputEvent } from './output.js';
import { customNamesOf } from './request.js';
import { responseObject, type ResponseHead, type ResponseState } from './response-object.js';
import type { RunningResponse } from './response-store.js';

/** Clients count the time between events: while a prompt is computed the same state is told again. */
const REPEAT_MS = 10_000;

export interface ResponseRun {
  readonly head: ResponseHead;
  readonly answer: ChatAnswer;
  /** Whether a failure is thrown, for an answer that is sent whole; else the stream tells it. */
  readonly throws: boolean;
  /** Called when somebody reads, with how it stands; gives what is called when nobody does any more. */
  readonly begun: (response: Pick<RunningResponse, 'soFar' | 'cancel'>) => () => void;
  /** Called with how it ended, unless its reader left before. */
  readonly ended: (response: Record<string, unknown>, output: ResponseOutput) => void;
}

/** The events of a response, up to the one that tells its end. */
export async function* responseEvents(run: ResponseRun): AsyncGenerator<StreamEvent> {
  const output = new ResponseOutput();
  const { head, answer } = run;
  let isCancelled = false;
  const soFar = (): Record<string, unknown> =>
    responseObject(
      head,
      isCancelled ? { status: 'cancelled', output: output.cut } : { status: 'in_progress', output: output.soFar },
    );
  const finish = run.begun({
    soFar,
    cancel() {
      isCancelled = true;
      answer.generation.cancel();
      return soFar();
    },
  });
  try {
    yield* eventsOf(run, output);
  } finally {
    finish();
  }
}

async function* eventsOf(
  { head, answer, throws, ended }: ResponseRun,
  output: ResponseOutput,
): AsyncGenerator<StreamEvent> {
  const sequence = new EventSequence();
  const { timings_per_token: tellsTimings = false, return_progress: tellsProgress = false } = head.body;
  const customs = new CustomCalls(customNamesOf(head.body));
  const timings = new RunningTimings();
  const stateOf = (state: Omit<ResponseState, 'output'>): Record<string, unknown> =>
    responseObject(head, { ...state, output: state.status === 'in_progress' ? output.soFar : output.cut });
  const inProgress = (more?: object): StreamEvent =>
    sequence.event({ type: 'response.in_progress', response: stateOf({ status: 'in_progress' }), ...more });
  yield sequence.event({ type: 'response.created', response: stateOf({ status: 'in_progress' }) });
  yield inProgress();
  let state: Omit<ResponseState, 'output'> = { status: 'cancelled' };
  try {
    for await (const part of repeated(answer.parts())) {
      if (part === undefined) {
        if (output.items.length === 0) yield inProgress();
      } else if (part.kind === 'prompt') {
        timings.notePrompt(part);
        if (tellsProgress === true)
          yield inProgress({
            prompt_progress: progressOf(part),
            ...(tellsTimings === true && { timings: timings.now() }),
          });
      } else if (part.kind === 'deltas') {
        timings.noteToken();
        for (const event of pushed(output, customs, part))
          yield sequence.event(
            tellsTimings === true && event.type.endsWith('.delta') ? { ...event, timings: timings.now() } : event,
          );
      } else if (part.kind === 'sample') {
        state = { status: STATUS[part.finishReason], reasoningTokens: part.reasoningTokens };
        for (const delta of customs.end())
          for (const event of output.push(delta, undefined)) yield sequence.event(event);
        for (const event of output.end(state.status !== 'completed' || part.warnings.includes('tool_call_cut')))
          yield sequence.event(event);
      } else if (part.kind === 'done') {
        state = {
          ...state,
          done: part.done,
          ...(state.status === 'completed' && { completedAt: Math.floor(Date.now() / 1000) }),
        };
      }
    }
  } catch (thrown) {
    if (throws) throw thrown;
    const { code: own, apiCode: code = own, message, param } = errorReply(thrown, OPENAI_ERRORS, head.id).facts;
    yield sequence.event({ type: 'error', code, message, param: param ?? null });
    state = { status: 'failed', error: { code, message } };
  }
  const response = stateOf(state);
  ended(response, output);
  yield sequence.event({
    type: END_EVENTS[state.status],
    response,
    ...(tellsTimings === true && state.done && { timings: timingsOf(state.done) }),
  });
  yield { data: '[DONE]' };
}

const STATUS = {
  stop: 'completed',
  tool_calls: 'completed',
  length: 'incomplete',
  deadline: 'incomplete',
  cancelled: 'cancelled',
} as const satisfies Record<ChatSample['finishReason'], ResponseState['status']>;

/** The log-probabilities of a token stand with the first of its pieces. */
function* pushed(
  output: ResponseOutput,
  customs: CustomCalls,
  { deltas, logprobs }: Extract<ChatPart, { kind: 'deltas' }>,
): Generator<OutputEvent> {
  for (const [i, delta] of deltas.flatMap((one) => customs.read(one)).entries())
    yield* output.push(delta, i === 0 && logprobs ? [logprobs] : undefined);
}

const END_EVENTS = {
  in_progress: 'response.incomplete',
  completed: 'response.completed',
  incomplete: 'response.incomplete',
  failed: 'response.failed',
  cancelled: 'response.incomplete',
} as const;

/** The parts, and `undefined` whenever none came for a while. */
async function* repeated(parts: AsyncGenerator<ChatPart, void, undefined>): AsyncGenerator<ChatPart | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    let next = parts.next();
    for (;;) {
      const silence = new Promise<'silence'>((resolve) => {
        timer = setTimeout(resolve, REPEAT_MS, 'silence');
      });
      const first = await Promise.race([next, silence]);
      clearTimeout(timer);
      if (first === 'silence') {
        yield undefined;
        continue;
      }
      if (first.done === true) return;
      yield first.value;
      next = parts.next();
    }
  } finally {
    clearTimeout(timer);
    await parts.return();
  }
}
