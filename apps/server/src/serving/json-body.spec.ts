import { createApp } from '../app.js';
import { fakeModel, fakeParts } from '../fake-parts.test-support.js';
import {
  MAX_BODY_CONTAINERS,
  MAX_BODY_DEPTH,
  MAX_BODY_STRINGS,
  MAX_BODY_VALUES,
  PIECE_BYTES,
  structureSteps,
} from './body-structure.js';

const limits = { maxBodyBytes: 4 << 20, stallMs: 1000, heartbeatMs: 1000 };
const postText = (path: string, body: string) =>
  createApp(fakeParts({ limits }).parts).request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });

const LEVELS = 100_000;
const lists = '['.repeat(LEVELS) + ']'.repeat(LEVELS);
const objects = '{"items":'.repeat(LEVELS) + '1' + '}'.repeat(LEVELS);

describe('a body that nests 100,000 levels deep', () => {
  const fields: Record<string, readonly string[]> = {
    '/v1/generate': [
      'prompt',
      'messages',
      'stop',
      'samplers',
      'logit_bias',
      'json_schema',
      'dry_sequence_breakers',
      'temperature',
      'unknown',
    ],
    '/v1/tokenize': ['text', 'model', 'unknown'],
    '/v1/detokenize': ['tokens', 'unknown'],
  };
  const cases = Object.entries(fields).flatMap(([route, names]) => names.map((name) => [route, name] as const));

  it.each(cases)('%s: in "%s" it is refused in our words', async (route, name) => {
    for (const deep of [lists, objects]) {
      const response = await postText(route, `{"${name}": ${deep}}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        error: { code: 'invalid_request', message: expect.stringContaining(`${MAX_BODY_DEPTH} levels`) },
      });
    }
  });

  it('is refused by every route that takes a body', async () => {
    const paths = [
      ...new Set(
        createApp(fakeParts().parts)
          .routes.filter(({ method, path }) => method === 'POST' && !path.includes(':'))
          .map(({ path }) => path),
      ),
    ];
    expect(paths).toEqual(
      expect.arrayContaining([
        '/v1/generate',
        '/v1/chat/completions',
        '/v1/completions',
        '/v1/messages',
        '/completion',
        '/apply-template',
      ]),
    );
    for (const path of paths) {
      for (const name of [
        'messages',
        'prompt',
        'tools',
        'input',
        'response_format',
        'json_schema',
        'content',
        'unknown',
      ]) {
        const response = await postText(path, `{"${name}": ${objects}}`);
        expect({ path, name, status: response.status }).toEqual({ path, name, status: 400 });
        expect(await response.text()).toContain(`${MAX_BODY_DEPTH} levels`);
      }
    }
  });

  it('is refused where it is not closed, and as the whole body', async () => {
    for (const body of ['['.repeat(LEVELS), '{"a":'.repeat(LEVELS), lists])
      expect((await postText('/v1/generate', body)).status).toBe(400);
  });
});

describe('a body of more values than anybody needs', () => {
  it.each([
    ['values', `{"tokens": [${'1,'.repeat(MAX_BODY_VALUES)}1]}`, `${MAX_BODY_VALUES} values`],
    ['strings', `{"tokens": [${'"",'.repeat(MAX_BODY_STRINGS)}1]}`, `${MAX_BODY_STRINGS} strings`],
    ['names', `{"a": {${'"":1,'.repeat(MAX_BODY_STRINGS)}"a":1}}`, `${MAX_BODY_STRINGS} strings`],
    ['arrays', `{"tokens": [${'[],'.repeat(MAX_BODY_CONTAINERS)}[]]}`, `${MAX_BODY_CONTAINERS} arrays and objects`],
    [
      'objects',
      `{"messages": [${'{"role":"user","content":""},'.repeat(MAX_BODY_CONTAINERS)}{}]}`,
      `${MAX_BODY_CONTAINERS} arrays and objects`,
    ],
  ])('is refused for its %s', async (_, body, message) => {
    const response = await postText('/v1/detokenize', body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: 'invalid_request', message: expect.stringContaining(message) },
    });
  });

  it('is one whose strings do not count', async () => {
    expect((await postText('/v1/tokenize', JSON.stringify({ text: ',"[{\\'.repeat(300_000) }))).status).toBe(200);
  });
});

describe('a long body', () => {
  it.each<[string, string]>([
    ['numbers', `[${'1,'.repeat(900_000)}1]`],
    ['text', JSON.stringify('a'.repeat(2_000_000))],
    ['escaped quotes', JSON.stringify('"[{,'.repeat(300_000))],
    ['short strings', JSON.stringify(Array.from({ length: 100_000 }, () => ',[{\\'))],
  ])('of %s is looked at in pieces', (_, body) => {
    const bytes = Buffer.from(body);
    expect([...structureSteps(bytes)]).toHaveLength(Math.ceil(bytes.length / PIECE_BYTES) - 1);
  });
});

describe('brackets in strings', () => {
  it('are no depth', async () => {
    const text = `${'[{'.repeat(1000)}\\"${'\\\\'.repeat(3)}`;
    expect((await postText('/v1/tokenize', JSON.stringify({ text }))).status).toBe(200);
  });
});

describe('names that objects have by themselves', () => {
  it.each(['constructor', '__proto__', 'prototype', 'toString', 'hasOwnProperty'])(
    '%s is an unknown field like others',
    async (name) => {
      for (const body of [
        `{"prompt": "a", "${name}": 1}`,
        `{"messages": [{"role": "user", "content": "a", "${name}": 1}]}`,
      ]) {
        const response = await postText('/v1/generate', body);
        expect(response.status).toBe(400);
        expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining(name) } });
      }
    },
  );

  it.each(['constructor', '__proto__', 'prototype'])('%s is a text to be biased like others', async (name) => {
    const model = fakeModel();
    const app = createApp(fakeParts({ served: [model] }).parts);
    const response = await app.request('/v1/generate', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"prompt": "a", "logit_bias": {"${name}": 1000}}`,
    });
    expect(response.status).toBe(200);
    expect(Object.entries(model.requests[0].logitBias ?? {})).toEqual([[name, 1000]]);
  });

  it.each(['[1000]', '[5]', '[false]', '{"a": "b"}', '{"a": null}', '{"": 1}', '7'])(
    'logit_bias %s is refused, naming the place',
    async (bias) => {
      const response = await postText('/v1/generate', `{"prompt": "a", "logit_bias": ${bias}}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { param: expect.stringMatching(/^logit_bias/) } });
    },
  );
});
