import { endpoint, json, type Endpoint } from '../dialect.js';
import { loraList, loraOf, loraScales } from '../lora.js';
import { pickModel } from '../pick-model.js';
import { loraAdaptersAnswer, doneAnswer } from './answer-schema.js';
import { fileName } from './file-name.js';

/** `GET /lora-adapters`: what is loaded beside the model, and how much of it is added where a request does not say. */
export const loraAdapters: Endpoint = {
  method: 'GET',
  paths: ['/lora-adapters'],
  access: 'user',
  isQuiet: true,
  summary: 'The LoRA adapters of a model, with their scales',
  answer: loraAdaptersAnswer,
  parameters: { model: 'the model that is asked; the first where it is left out' },
  handle: ({ models, query, principal }) =>
    json(
      loraOf(pickModel(models, query('model'))).map(({ file, scale, taskName = '', promptPrefix = '' }, id) => ({
        id,
        path: principal.role === 'admin' ? file : fileName(file),
        scale,
        task_name: taskName,
        prompt_prefix: promptPrefix,
      })),
    ),
};

/** `POST /lora-adapters`: sets these scales; adapters that are left out have none. */
export const setLoraAdapters = endpoint({
  method: 'POST',
  paths: ['/lora-adapters'],
  access: 'admin',
  summary: 'Set how much of each LoRA adapter is added where a request does not say',
  answer: doneAnswer,
  parameters: { model: 'the model that is asked; the first where it is left out' },
  body: loraList(),
  example: [{ id: 0, scale: 0.5 }],
  handle({ body, models, query }) {
    const model = pickModel(models, query('model'));
    model.setAdapterScales(loraScales(model, body));
    return json({ success: true });
  },
});
