import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestServer } from '@starling/testing';
import OpenAI from 'openai';
import { summarize } from './summarize.js';

let server;
let client;
beforeAll(async () => {
  server = await startTestServer({ script: [' Much happened. ', { error: 'queue_full' }] });
  client = new OpenAI({ baseURL: server.baseUrl, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => server.stop());

test('a text is summarized with the instructions of the product', async () => {
  expect(await summarize(client, server.model, 'Once upon a time')).toBe('Much happened.');
  expect(server.requests[0].messages).toEqual([
    { role: 'system', content: 'Summarize what the user sends in one sentence.' },
    { role: 'user', content: 'Once upon a time' },
  ]);
});

test('a server that is too busy is an error of the client', async () => {
  await expect(summarize(client, server.model, 'Once more')).rejects.toMatchObject({ status: 429 });
});
