import { parameterError } from '@starling/core';
import * as v from 'valibot';
import { jsonObject, text, tokenIds } from '../../schemas/fields.js';
import { endpoint, json, pieces, type Endpoint } from '../dialect.js';
import { toolsOf } from '../function-tools.js';
import { jsonPieces, jsonTexts } from '../json-pieces.js';
import { messageSchema, toolSchema } from '../openai/chat-schema.js';
import { refuseTemplate } from '../openai/chat-request.js';
import { continuedConversation } from '../openai/conversation.js';
import { pickModel } from '../pick-model.js';
import { pieceOf } from '../piece-of.js';
import { applyTemplateAnswer, detokenizeAnswer, tokenizeAnswer, tokenizerInfoAnswer } from './answer-schema.js';

/** Clients name the text in different ways: llama-server's own, evaluation harnesses, and ours. */
const tokenizeSchema = v.looseObject({
  model: v.nullish(text(256)),
  content: v.nullish(v.string()),
  prompt: v.nullish(v.string()),
  text: v.nullish(v.string()),
  add_special: v.nullish(v.boolean()),
  add_special_tokens: v.nullish(v.boolean()),
  parse_special: v.nullish(v.boolean()),
  with_pieces: v.nullish(v.boolean()),
});

const detokenizeSchema = v.looseObject({ model: v.nullish(text(256)), tokens: tokenIds(0) });

const applyTemplateSchema = v.looseObject({
  model: v.nullish(text(256)),
  messages: v.pipe(v.array(messageSchema), v.minLength(1)),
  tools: v.nullish(v.array(toolSchema)),
  add_generation_prompt: v.nullish(v.boolean()),
  continue_final_message: v.nullish(v.boolean()),
  chat_template_kwargs: v.nullish(jsonObject()),
});

/** `POST /tokenize`. */
export const tokenize = endpoint({
  method: 'POST',
  paths: ['/tokenize'],
  access: 'user',
  summary: 'Take a text apart into tokens',
  answer: tokenizeAnswer,
  body: tokenizeSchema,
  example: { content: 'A starling', with_pieces: true },
  async handle({ body, models }) {
    const model = pickModel(models, body.model);
    const { tokenizer } = model;
    const given = body.content ?? body.prompt ?? body.text;
    if (given == null) throw parameterError('invalid_request', 'content', 'is required: the text to tokenize');
    const { ids } = await model.encode(given, {
      addSpecial: body.add_special ?? body.add_special_tokens ?? false,
      parseSpecial: body.parse_special ?? true,
    });
    const entryOf = (id: number): unknown => (body.with_pieces === true ? { id, piece: pieceOf(tokenizer, id) } : id);
    return pieces(jsonPieces({}, { tokens: { length: ids.length, at: (i) => ids[i] } }, entryOf));
  },
});

/** `POST /detokenize`. */
export const detokenize = endpoint({
  method: 'POST',
  paths: ['/detokenize'],
  access: 'user',
  summary: 'Put tokens together to a text',
  answer: detokenizeAnswer,
  body: detokenizeSchema,
  example: { tokens: [65, 66] },
  async handle({ body, models }) {
    const content = await pickModel(models, body.model).decode(body.tokens);
    return pieces(jsonTexts({ content, prompt: content }));
  },
});

/** `POST /apply-template`. */
export const applyTemplate = endpoint({
  method: 'POST',
  paths: ['/apply-template'],
  access: 'user',
  summary: 'The text that a conversation becomes',
  answer: applyTemplateAnswer,
  body: applyTemplateSchema,
  example: { messages: [{ role: 'user', content: 'Tell me of the starling.' }] },
  async handle({ body, models }) {
    refuseTemplate(body);
    const tools = toolsOf(body.tools);
    const { messages, ...going } = continuedConversation(body);
    const prompt = await pickModel(models, body.model).applyTemplate(messages, {
      ...(tools.length > 0 && { tools }),
      ...going,
      templateVariables: body.chat_template_kwargs ?? undefined,
    });
    return pieces(jsonTexts({ prompt }));
  },
});

/** `GET /tokenizer_info`, which evaluation harnesses ask for. */
export const tokenizerInfo: Endpoint = {
  method: 'GET',
  paths: ['/tokenizer_info'],
  access: 'user',
  summary: 'The special tokens of the vocabulary',
  answer: tokenizerInfoAnswer,
  parameters: { model: 'the model that is asked; the first where it is left out' },
  handle({ models, query }) {
    const { tokenizer } = pickModel(models, query('model'));
    const { special } = tokenizer;
    const nameOf = (id: number | undefined) => (id === undefined ? null : tokenizer.tokenText(id));
    const [end] = special.endOfGeneration;
    return json({
      tokenizer_class: tokenizer.kind,
      bos_token: nameOf(special.bos),
      eos_token: nameOf(special.eos ?? end),
      pad_token: nameOf(special.pad),
      add_bos_token: special.addBos,
      vocab_size: tokenizer.vocabSize,
    });
  },
};
