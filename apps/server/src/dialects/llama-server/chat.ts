import { endpoint, json } from '../dialect.js';
import { chatRequestOf } from '../openai/chat-request.js';
import { chat as openaiChat } from '../openai/chat.js';
import { chatSchema } from '../openai/chat-schema.js';
import { pickModel } from '../pick-model.js';
import { countTokensAnswer } from './answer-schema.js';

/** `POST /chat/completions`: OpenAI's chat, with llama-server's errors. */
export const chat = { ...openaiChat, paths: ['/chat/completions'] };

/** `POST /chat/completions/input_tokens`: how many tokens a conversation comes to, without an answer. */
export const countTokens = endpoint({
  method: 'POST',
  paths: ['/chat/completions/input_tokens', '/v1/chat/completions/input_tokens'],
  access: 'user',
  summary: 'How many tokens a conversation comes to',
  answer: countTokensAnswer,
  body: chatSchema,
  example: { messages: [{ role: 'user', content: 'Tell me of the starling.' }] },
  async handle({ body, models }) {
    const model = pickModel(models, body.model);
    const {
      messages,
      tools = [],
      templateVariables,
      addGenerationPrompt,
      continueFinalMessage,
      documents,
    } = chatRequestOf(body, model, '');
    return json({
      input_tokens: await model.countTokens({
        messages,
        ...(tools.length > 0 && { tools }),
        templateVariables,
        addGenerationPrompt,
        continueFinalMessage,
        documents,
      }),
    });
  },
});
