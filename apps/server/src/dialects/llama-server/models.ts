import * as v from 'valibot';
import { text } from '../../schemas/fields.js';
import { endpoint, json, type Endpoint } from '../dialect.js';
import { modelListAnswer } from '../native/answer-schema.js';
import { modelList } from '../native/models.js';
import { doneAnswer } from './answer-schema.js';

/** `GET /models`: the same list as OpenAI's, under llama-server's address. */
const list: Endpoint = {
  method: 'GET',
  paths: ['/models'],
  access: 'user',
  isQuiet: true,
  summary: 'The models that are served',
  answer: modelListAnswer,
  handle: ({ models: directory, principal, server }) => json(modelList(directory, principal, server.features)),
};

const namedSchema = v.looseObject({ model: text(4096) });

/** `POST /models/load`: a model of those that are listed, or any that `POST /v1/models/load` takes. */
const load = endpoint({
  method: 'POST',
  paths: ['/models/load'],
  access: 'admin',
  isQuiet: true,
  summary: 'Load a model; answers when it is ready',
  answer: doneAnswer,
  body: namedSchema,
  example: { model: 'qwen3' },
  async handle({ body: { model }, server }) {
    await server.admin.load(model);
    return json({ success: true });
  },
});

/** `POST /models/unload`. */
const unload = endpoint({
  method: 'POST',
  paths: ['/models/unload'],
  access: 'admin',
  isQuiet: true,
  summary: 'Let a model end what it has begun, and give its memory back',
  answer: doneAnswer,
  body: namedSchema,
  example: { model: 'qwen3' },
  async handle({ body: { model }, server }) {
    await server.admin.unload(model);
    return json({ success: true });
  },
});

/** The models, and for administrators to load and unload them. */
export const models = [list, load, unload];
