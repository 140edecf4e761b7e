import { startTestServer } from '@starling/testing';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { moodOf } from './mood.js';

let server;
let client;
beforeAll(async () => {
  server = await startTestServer({
    script: ({ messages }) => (messages.at(-1).content.includes('rain') ? ' Bad' : 'It is hard to say'),
  });
  client = new OpenAI({ baseURL: server.baseUrl, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => server.stop());

test('one of the answers that it asks for is taken', async () => {
  expect(await moodOf(client, server.model, 'All this rain!')).toBe('bad');
});

test('whatever else the model says is neither', async () => {
  expect(await moodOf(client, server.model, 'A day.')).toBe('neither');
  expect(server.requests.at(-1)).toMatchObject({ maxTokens: 8 });
});
