import type { AnswerDelta } from '@starling/chat';
import { cacheTermsOf, refusePriority } from '../cache-fields.js';
import type { ServedModel } from '../../parts.js';
import { answerChat, type ChatAnswer, type ChatPart, type ChatRequest } from '@starling/engine';
import { endpoint, events, json, type StreamEvent } from '../dialect.js';
import { pickModel } from '../pick-model.js';
import { countTokensAnswer, messageAnswer } from './answer-schema.js';
import { BlockWriter, emptyMessage, endOf, messageBody, usageOf, type MessageHead } from './bodies.js';
import { conversationOf } from './conversation.js';
import { countTokensSchema, messagesSchema, type MessagesBody } from './schema.js';

/** What the API uses where a client says nothing. */
const DEFAULTS = { temperature: 1, topP: 1 } as const;

/** `POST /v1/messages`: Anthropic's chat. */
export const messages = endpoint({
  method: 'POST',
  paths: ['/v1/messages'],
  access: 'user',
  summary: 'Answer a conversation',
  answer: messageAnswer,
  body: messagesSchema,
  example: { messages: [{ role: 'user', content: 'Tell me of the starling.' }], max_tokens: 32 },
  answers: 'events',
  async handle({ body, models }) {
    const model = pickModel(models, body.model);
    const id = `msg_${crypto.randomUUID().replaceAll('-', '')}`;
    const answer = await answerChat(model, requestOf(body, model, id));
    const head: MessageHead = {
      id,
      model: body.model ?? model.info.name,
      omitsThinking: body.thinking?.display === 'omitted',
    };
    if (body.stream === true) return events(eventsOf(answer, head));
    const deltas: AnswerDelta[] = [];
    let sample: Extract<ChatPart, { kind: 'sample' }> | undefined;
    for await (const part of answer.parts()) {
      if (part.kind === 'deltas') deltas.push(...part.deltas);
      else if (part.kind === 'sample') sample = part;
      else if (part.kind === 'done' && sample) return json(messageBody(head, deltas, sample, part.done));
    }
    throw new TypeError('an answer ends with its figures');
  },
});

/** `POST /v1/messages/count_tokens`. */
export const countTokens = endpoint({
  method: 'POST',
  paths: ['/v1/messages/count_tokens'],
  access: 'user',
  summary: 'How many tokens a conversation comes to',
  answer: countTokensAnswer,
  body: countTokensSchema,
  example: { messages: [{ role: 'user', content: 'Tell me of the starling.' }] },
  async handle({ body, models }) {
    const { messages: conversation, tools, templateVariables, prefill } = conversationOf(body);
    const model = pickModel(models, body.model);
    return json({
      input_tokens: await model.countTokens({
        messages: conversation,
        ...(tools.length > 0 && { tools }),
        templateVariables,
        prefill,
      }),
    });
  },
});

function requestOf(body: MessagesBody, { defaults }: ServedModel, id: string): ChatRequest {
  const { temperature, top_p: topP, top_k: topK, stop_sequences: stop, output_config: output } = body;
  refusePriority(body);
  const conversation = conversationOf(body);
  const format = output?.format ?? body.output_format;
  return {
    ...(defaults.sampling === undefined && DEFAULTS),
    ...conversation,
    ...(temperature != null && { temperature }),
    ...(topP != null && { topP }),
    ...(topK != null && { topK }),
    ...(body.thinking?.type === 'enabled' &&
      body.thinking.budget_tokens != null && { reasoningTokens: body.thinking.budget_tokens }),
    ...(output?.effort != null && {
      templateVariables: { ...conversation.templateVariables, reasoning_effort: output.effort },
    }),
    ...(format != null && { jsonSchema: format.schema }),
    ...cacheTermsOf(body),
    id,
    maxTokens: body.max_tokens,
    stop: stop ?? undefined,
  };
}

/** The events of a stream, in the order that this API's clients insist on. */
async function* eventsOf(answer: ChatAnswer, head: MessageHead): AsyncGenerator<StreamEvent> {
  const event = (data: { readonly type: string }): StreamEvent => ({ event: data.type, data });
  const writer = new BlockWriter(head);
  let end: ReturnType<typeof endOf> | undefined;
  let thinkingTokens = 0;
  yield {
    event: 'message_start',
    data: { type: 'message_start', message: emptyMessage(head, answer.generation.promptTokens.length) },
  };
  yield { event: 'ping', data: { type: 'ping' } };
  for await (const part of answer.parts()) {
    if (part.kind === 'deltas') for (const delta of part.deltas) yield* writer.write(delta).map(event);
    else if (part.kind === 'sample') {
      yield* writer.end(part).map(event);
      end = endOf(part);
      thinkingTokens = part.reasoningTokens;
    } else if (part.kind === 'done') {
      yield {
        event: 'message_delta',
        data: { type: 'message_delta', delta: end, usage: usageOf(part.done, thinkingTokens) },
      };
      yield { event: 'message_stop', data: { type: 'message_stop' } };
    }
  }
}
