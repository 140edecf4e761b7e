import * as v from 'valibot';
import { parameterError, StarlingError } from '@starling/core';
import { answerChat } from '@starling/engine';
import { endpoint, events, json, type Call, type Endpoint, type StreamEvent } from '../../dialect.js';
import { pickModel } from '../../pick-model.js';
import { deletedAnswer, inputItemsAnswer, inputTokensAnswer, responseAnswer } from './answer-schema.js';
import { chatRequestOf, inputItemsOf } from './request.js';
import type { ResponseHead } from './response-object.js';
import { itemsUpTo, type StoredResponse } from './response-store.js';
import { itemSchema, responsesSchema, type ItemBody, type ResponsesBody } from './schema.js';
import { responseEvents } from './stream.js';

/** Items of one page of a list. */
const PAGE = { default: 20, most: 100 } as const;

/** `POST /v1/responses`: an answer to a conversation of items, which may go on from a stored one. */
const create = endpoint({
  method: 'POST',
  paths: ['/v1/responses', '/responses'],
  access: 'user',
  summary: 'Answer a conversation of items',
  answer: responseAnswer,
  body: responsesSchema,
  example: { input: 'Tell me of the starling.', max_output_tokens: 32 },
  answers: 'events',
  async handle(call) {
    const { body } = call;
    const stream = await begin(call);
    if (body.stream === true) return events(stream);
    return json(await lastResponse(stream));
  },
});

/** `POST /v1/responses/input_tokens`: how many tokens the conversation comes to, without an answer. */
const inputTokens = endpoint({
  method: 'POST',
  paths: ['/v1/responses/input_tokens'],
  access: 'user',
  summary: 'How many tokens a conversation of items comes to',
  answer: inputTokensAnswer,
  body: responsesSchema,
  example: { input: 'Tell me of the starling.' },
  async handle(call) {
    const { model, request } = conversationOf(call, '');
    const { messages, tools = [], templateVariables } = request;
    return json({
      object: 'response.input_tokens',
      input_tokens: await model.countTokens({ messages, ...(tools.length > 0 && { tools }), templateVariables }),
    });
  },
});

/** What is to be answered: all that was said before, and the body's own input. */
function conversationOf({ body, models, principal, server }: Call<ResponsesBody>, id: string) {
  const previous =
    body.previous_response_id == null
      ? undefined
      : server.responses.get(principal.tenant, body.previous_response_id, 'previous_response_id');
  const input = inputItemsOf(body).map(withId);
  const items = [...itemsUpTo(previous), ...input];
  // Instructions alone are something to answer: clients try a server out so.
  if (items.length === 0 && (body.instructions ?? '') === '')
    throw parameterError(
      'invalid_request',
      'input',
      'is empty: send a text or items; previous_response_id alone goes on from a stored response',
    );
  const model = pickModel(models, body.model);
  const byId = new Map(
    items.flatMap((item) => (item.id == null || item.type === 'item_reference' ? [] : [[item.id, item] as const])),
  );
  return { previous, input, model, request: chatRequestOf(body, model, items, id, (name) => byId.get(name)) };
}

/** Starts to answer; what is wrong with the request is thrown before anything is sent. */
async function begin(call: Call<ResponsesBody>): Promise<AsyncGenerator<StreamEvent>> {
  const { body, principal, server } = call;
  const { tenant } = principal;
  const store = server.responses;
  const id = `resp_${crypto.randomUUID().replaceAll('-', '')}`;
  const { previous, input, model, request } = conversationOf(call, id);
  const answer = await answerChat(model, request);
  const head: ResponseHead = { id, created: Math.floor(Date.now() / 1000), model: body.model ?? model.info.name, body };
  return responseEvents({
    head,
    answer,
    throws: body.stream !== true,
    begun: (response) => store.run(tenant, id, { ...response, isStored: body.store !== false }),
    ended(response, output) {
      if (body.store === false) return;
      const stored: StoredResponse = {
        id,
        input,
        response,
        output: v.parse(v.array(itemSchema), output.items),
        ...(previous && { previous }),
      };
      store.put(tenant, stored);
    },
  });
}

/** The object that a stream's last event has. A failure becomes the error that it was. */
async function lastResponse(stream: AsyncIterable<StreamEvent>): Promise<unknown> {
  let last: unknown;
  for await (const { data } of stream) {
    if (typeof data !== 'object' || !('response' in data)) continue;
    last = data.response;
  }
  return last;
}

const stored = ({ server, principal, param }: Call<unknown>): StoredResponse =>
  server.responses.get(principal.tenant, param('id'));

const retrieve: Endpoint = {
  method: 'GET',
  paths: ['/v1/responses/:id'],
  access: 'user',
  isQuiet: true,
  summary: 'A stored response, or one under way as far as it is',
  answer: responseAnswer,
  handle(call) {
    if (call.query('stream') === 'true')
      throw parameterError('invalid_request', 'stream', 'a response is told at once as it stands: leave this out');
    const running = call.server.responses.running(call.principal.tenant, call.param('id'));
    return json(running?.isStored === true ? running.soFar() : stored(call).response);
  },
};

const remove: Endpoint = {
  method: 'DELETE',
  paths: ['/v1/responses/:id'],
  access: 'user',
  isQuiet: true,
  summary: 'Forget a stored response',
  answer: deletedAnswer,
  handle(call) {
    const { id } = stored(call);
    call.server.responses.delete(call.principal.tenant, id);
    return json({ id, object: 'response.deleted', deleted: true });
  },
};

const cancel: Endpoint = {
  method: 'POST',
  paths: ['/v1/responses/:id/cancel'],
  access: 'user',
  isQuiet: true,
  summary: 'Stop a response under way',
  answer: responseAnswer,
  handle(call) {
    const id = call.param('id');
    const running = call.server.responses.running(call.principal.tenant, id);
    if (running !== undefined) return json(running.cancel());
    const { response } = stored(call);
    // A second time is as good as the first.
    if (response.status === 'cancelled') return json(response);
    throw new StarlingError('conflict', `the response ${JSON.stringify(id)} is not under way any more`);
  },
};

const inputItems: Endpoint = {
  method: 'GET',
  paths: ['/v1/responses/:id/input_items'],
  access: 'user',
  isQuiet: true,
  summary: 'What a stored response answered',
  answer: inputItemsAnswer,
  parameters: {
    order: 'asc or desc, which it is where it is left out',
    limit: 'items at most, 1 to 100 (20)',
    after: 'the id of the item behind which the list begins',
  },
  handle(call) {
    const { input, previous } = stored(call);
    const order = call.query('order') ?? 'desc';
    if (order !== 'asc' && order !== 'desc') throw parameterError('invalid_request', 'order', 'it is asc or desc');
    const limit = Number(call.query('limit') ?? PAGE.default);
    if (!Number.isInteger(limit) || limit < 1 || limit > PAGE.most)
      throw parameterError('invalid_request', 'limit', `it is a whole number from 1 to ${PAGE.most}`);
    const items = [...itemsUpTo(previous), ...input];
    if (order === 'desc') items.reverse();
    const after = call.query('after');
    const from = after === undefined ? 0 : items.findIndex(({ id }) => id === after) + 1;
    if (after !== undefined && from === 0)
      throw parameterError('not_found', 'after', `there is no item ${JSON.stringify(after.slice(0, 128))}`);
    const data = items.slice(from, from + limit);
    return json({
      object: 'list',
      data,
      first_id: data.at(0)?.id ?? null,
      last_id: data.at(-1)?.id ?? null,
      has_more: from + limit < items.length,
    });
  },
};

/** Items are listed and referred to by their ids. */
function withId(item: ItemBody): ItemBody {
  return item.id == null ? { ...item, id: `item_${crypto.randomUUID().replaceAll('-', '')}` } : item;
}

export const responses = [create, inputTokens, retrieve, remove, cancel, inputItems] as const;
