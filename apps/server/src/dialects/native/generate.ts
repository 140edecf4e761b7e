import type { Generation } from '@starling/engine';
import { endpoint, events, json, type StreamEvent } from '../dialect.js';
import { toolChoiceOf } from '../function-tools.js';
import { adaptersIn } from '../lora.js';
import { generateAnswer } from './answer-schema.js';
import { doneEvent, generateResult, toGenerateRequest, tokenEvent } from './generate-bodies.js';
import { generateSchema } from './generate-schema.js';
import { answerWithTools, eventsWithTools, resultWithTools } from './generate-tools.js';

/** `POST /v1/generate`: an answer as one JSON body, or as a stream of events. */
export const generate = endpoint({
  method: 'POST',
  paths: ['/v1/generate'],
  access: 'user',
  summary: 'Continue a prompt, or answer a conversation',
  answer: generateAnswer,
  body: generateSchema,
  example: { prompt: 'Once upon a time', max_tokens: 32 },
  answers: 'events',
  async handle({ body, models }) {
    const model = models.pick(body.model);
    const request = { ...toGenerateRequest(body, crypto.randomUUID()), ...adaptersIn(model, body) };
    if (body.tools !== undefined && body.tools.length > 0) {
      const answer = await answerWithTools(model, body, request);
      return body.stream ? events(eventsWithTools(answer, body.n ?? 1)) : json(await resultWithTools(answer));
    }
    toolChoiceOf(body.tool_choice, []);
    const generation = await model.generate(request);
    return body.stream ? events(eventsOf(generation, body.n)) : json(generateResult(await generation.result()));
  },
});

async function* eventsOf(generation: Generation, answers: number | undefined): AsyncGenerator<StreamEvent> {
  for await (const part of generation) {
    if (part.kind === 'token') yield { event: 'token', data: tokenEvent(part, answers) };
    else if (part.kind === 'done') yield { event: 'done', data: doneEvent(part) };
  }
}
