import { answerChat, CallIds, wholeAnswer, type ChatAnswer } from '@starling/engine';
import { endpoint, events, json, type StreamEvent } from '../dialect.js';
import { adaptersIn } from '../lora.js';
import { pickModel } from '../pick-model.js';
import { progressOf, RunningTimings, timingsOf } from '../timings.js';
import { chatAnswer } from './answer-schema.js';
import {
  chatBody,
  chunk,
  deltaBody,
  endChunk,
  fingerprintOf,
  usageChunk,
  verboseOf,
  type ChunkHead,
} from './chat-bodies.js';
import { chatRequestOf } from './chat-request.js';
import { CustomCalls } from './custom-calls.js';
import { chatSchema, type ChatBody } from './chat-schema.js';

/** `POST /v1/chat/completions`: OpenAI's chat, streamed and whole. */
export const chat = endpoint({
  method: 'POST',
  paths: ['/v1/chat/completions'],
  access: 'user',
  summary: 'Answer a conversation',
  answer: chatAnswer,
  body: chatSchema,
  example: { messages: [{ role: 'user', content: 'Tell me of the starling.' }], max_tokens: 32 },
  answers: 'events',
  async handle({ body, models, server }) {
    const model = pickModel(models, body.model);
    const answer = await answerChat(model, {
      ...chatRequestOf(body, model, `chatcmpl-${crypto.randomUUID().replaceAll('-', '')}`),
      ...adaptersIn(model, body),
    });
    const head: ChunkHead = {
      id: answer.generation.id,
      created: Math.floor(Date.now() / 1000),
      model: body.model ?? model.info.name,
      fingerprint: fingerprintOf(server.version),
    };
    const prompt =
      (body.verbose ?? server.features.verbose) ? model.tokenizer.decode(answer.generation.promptTokens) : undefined;
    if (body.stream === true) return events(eventsOf(answer, head, body, prompt));
    const { samples, done } = await wholeAnswer(answer);
    return json({ ...chatBody(head, samples, done, customCallsOf(body)), ...verboseOf(prompt, done) });
  },
});

const customCallsOf = ({ tools }: ChatBody): CustomCalls =>
  new CustomCalls(new Set((tools ?? []).flatMap((tool) => ('isCustom' in tool ? [tool.function.name] : []))));

/**
 * The events of a stream: role, deltas, one end for each choice, figures if asked for, `[DONE]`. The last one with data tells what it took.
 * @param prompt the prompt's text, where the last event shall tell it
 */
async function* eventsOf(
  answer: ChatAnswer,
  head: ChunkHead,
  body: ChatBody,
  prompt: string | undefined,
): AsyncGenerator<StreamEvent> {
  const asksUsage = body.stream_options?.include_usage === true;
  const callIds = new CallIds();
  const customs = customCallsOf(body);
  const timings = new RunningTimings();
  let reasoningTokens = 0;
  /** The end of a choice, until it is known whether something follows it. */
  let end: object | undefined;
  const withTimings = (data: object): StreamEvent => ({
    data: body.timings_per_token === true ? { ...data, timings: timings.now() } : data,
  });
  // Tells the client that its request was taken, also while it waits in the queue.
  for (let index = 0; index < (body.n ?? 1); index++)
    yield { data: chunk(head, index, { role: 'assistant', content: null }, null, undefined, asksUsage) };
  for await (const part of answer.parts()) {
    if (end !== undefined && (part.kind !== 'done' || asksUsage)) {
      yield { data: end };
      end = undefined;
    }
    if (part.kind === 'prompt') {
      timings.notePrompt(part);
      if (body.return_progress === true)
        yield withTimings({ ...chunk(head, 0, {}, null, undefined, asksUsage), prompt_progress: progressOf(part) });
    } else if (part.kind === 'deltas') {
      timings.noteToken();
      const logprobs = part.logprobs && [part.logprobs];
      const deltas = part.deltas.flatMap((delta) => customs.read(delta, part.sample));
      if (part.deltas.length === 0 || (deltas.length === 0 && logprobs))
        yield withTimings(chunk(head, part.sample, { content: '' }, null, logprobs, asksUsage));
      for (const [i, delta] of deltas.entries())
        yield withTimings(
          chunk(
            head,
            part.sample,
            deltaBody(delta, part.sample, callIds),
            null,
            i === 0 ? logprobs : undefined,
            asksUsage,
          ),
        );
    } else if (part.kind === 'sample') {
      for (const delta of customs.end(part.sample))
        yield { data: chunk(head, part.sample, deltaBody(delta, part.sample, callIds), null, undefined, asksUsage) };
      reasoningTokens += part.reasoningTokens;
      end = endChunk(head, part.sample, part, asksUsage);
    } else
      yield {
        data: {
          ...(end === undefined
            ? usageChunk(head, part.done, reasoningTokens)
            : { ...end, timings: timingsOf(part.done) }),
          ...verboseOf(prompt, part.done),
        },
      };
  }
  yield { data: '[DONE]' };
}
