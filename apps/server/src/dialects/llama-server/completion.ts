import type { DonePart, GeneratePart, Generation } from '@starling/engine';
import type { ServedModel } from '../../parts.js';
import { endpoint, events, json, type Reply, type StreamEvent } from '../dialect.js';
import { adaptersIn } from '../lora.js';
import { pickModel } from '../pick-model.js';
import { withPlaces } from '../prompt-place.js';
import { progressOf, RunningTimings } from '../timings.js';
import { completionAnswer } from './answer-schema.js';
import { chosenFields, chunkBody, finalBody, type CompletionHead } from './completion-bodies.js';
import { completionRequestOf, placeOf, preparedPrompt, promptsOf, type Prompt } from './completion-request.js';
import { completionSchema, type CompletionBody, type CompletionFields } from './completion-schema.js';
import { withinIndent } from './indent-limit.js';
import { checkSlot } from './slot-number.js';
import { timeLimitsOf, withinTime } from './time-limits.js';

/** `POST /completion` and `/completions`: llama-server's continuation of texts and tokens. */
export const completion = endpoint({
  method: 'POST',
  paths: ['/completion', '/completions'],
  access: 'user',
  summary: 'Continue texts or tokens',
  answer: completionAnswer,
  body: completionSchema,
  example: { prompt: 'Once upon a time', n_predict: 32 },
  answers: 'events',
  handle: ({ body, models }) => continued(pickModel(models, body.model), body, promptsOf(body)),
});

/** Prompts continued: one body for one, a list for several, or a stream. */
export async function continued(model: ServedModel, body: CompletionBody, prompts: readonly Prompt[]): Promise<Reply> {
  checkSlot(body.id_slot ?? -1, model);
  const generations = await Promise.all(
    prompts.map(async (prompt, i) => {
      const prepared = await preparedPrompt(prompt, model);
      return withPlaces(
        (token) => placeOf(prepared, token, prompt === body.prompt ? 'prompt' : `prompt[${i}]`),
        async () =>
          model.generate({ ...completionRequestOf(body, prepared, crypto.randomUUID()), ...adaptersIn(model, body) }),
      );
    }),
  );
  const heads = generations.map(({ promptTokens }, index): CompletionHead => ({ model, body, promptTokens, index }));
  if (body.stream === true) return events(eventsOf(heads, generations));
  const done = await Promise.all(generations.map((generation) => lastOf(body, generation)));
  const bodies = done.map((one, i) => chosenFields(finalBody(heads[i], one, false), body.response_fields));
  return json(bodies.length === 1 ? bodies[0] : bodies);
}

/** The parts of an answer within what the request says of time and of lines. */
const limited = (body: CompletionFields, generation: Generation): AsyncIterable<GeneratePart> =>
  withinIndent(withinTime(generation, timeLimitsOf(body)), body.n_indent ?? 0, generation);

async function lastOf(body: CompletionFields, generation: Generation): Promise<DonePart> {
  for await (const part of limited(body, generation)) if (part.kind === 'done') return part;
  throw new TypeError('a generation ends with its figures');
}

async function* eventsOf(
  heads: readonly CompletionHead[],
  generations: readonly Generation[],
): AsyncGenerator<StreamEvent> {
  for (const [i, head] of heads.entries()) {
    const { body, promptTokens, index } = head;
    const timings = new RunningTimings();
    const withTimings = (data: object): StreamEvent => ({
      data: body.timings_per_token === true ? { ...data, timings: timings.now() } : data,
    });
    let count = 0;
    for await (const part of limited(body, generations[i])) {
      if (part.kind === 'prompt') {
        timings.notePrompt(part);
        if (body.return_progress === true) {
          yield withTimings({
            index,
            content: '',
            tokens: [],
            stop: false,
            id_slot: body.id_slot ?? -1,
            tokens_predicted: 0,
            tokens_evaluated: promptTokens.length,
            prompt_progress: progressOf(part),
          });
        }
      } else if (part.kind === 'token') {
        timings.noteToken();
        yield withTimings(chunkBody(head, part, ++count));
      } else if (part.kind === 'done') yield { data: chosenFields(finalBody(head, part, true), body.response_fields) };
    }
  }
}
