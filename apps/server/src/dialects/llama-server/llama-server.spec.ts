import { createApp } from '../../app.js';
import { fakeModel, fakeParts, keysOf } from '../../fake-parts.test-support.js';

const adapters = [
  {
    id: 'lora 0',
    kind: 'lora',
    digest: 'a',
    file: '/models/poet.gguf',
    scale: 1,
    taskName: 'poems',
    promptPrefix: 'A poem:',
  },
  { id: 'control vector 0', kind: 'controlVector', digest: 'b', file: '/models/calm.gguf', scale: 0.5 },
  { id: 'lora 1', kind: 'lora', digest: 'c', file: 'clerk.gguf', scale: 0 },
] as const;

function setUp() {
  const model = fakeModel({ adapters });
  const { parts } = fakeParts({ served: [model] });
  const app = createApp(parts);
  const post = async (path: string, body: unknown) =>
    app.request(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return { app, model, post };
}

const bodyOf = async (response: Response | Promise<Response>) =>
  (await (await response).json()) as Record<string, unknown>;

describe('POST /completion', () => {
  it.each(['/completion', '/completions'])('%s answers in llama-server’s fields', async (path) => {
    const { post, model } = setUp();
    const body = await bodyOf(
      post(path, { prompt: 'hi', n_predict: 5, temperature: 0, unknown: 1, stop: ['', 'x'], seed: 2 ** 32 + 7 }),
    );
    expect(body).toMatchObject({
      index: 0,
      content: 'Hello!',
      tokens: [],
      stop: true,
      model: 'fake',
      tokens_predicted: 3,
      tokens_evaluated: 3,
      stopping_word: '',
      truncated: false,
      generation_settings: { n_predict: 5, temperature: 0 },
      timings: { predicted_n: 3, prompt_n: 3, prompt_ms: 2, draft_n: 8, draft_n_accepted: 6 },
    });
    expect(model.requests[0]).toMatchObject({ prompt: 'hi', maxTokens: 5, temperature: 0, stop: ['x'], seed: 7 });
    expect((await bodyOf(post(path, { prompt: 'hi', return_tokens: true }))).tokens).toEqual([0, 1, 2]);
  });

  it('takes ids, ids and texts in a row, and several prompts', async () => {
    const { post, model } = setUp();
    await post('/completion', { prompt: [104, 'i'] });
    await post('/completion', { prompt: ['h', 105] });
    const several = await post('/completion', { prompt: ['a', [104, 105]] });
    expect(model.requests.map(({ prompt, tokens }) => prompt ?? Array.from(tokens ?? []))).toEqual([
      [104, 105],
      [0, 104, 105],
      'a',
      [104, 105],
    ]);
    expect(((await several.json()) as { index: number }[]).map(({ index }) => index)).toEqual([0, 1]);
  });

  it('streams pieces and then figures without the text', async () => {
    const { post } = setUp();
    const events = (await (await post('/completion', { prompt: 'hi', stream: true })).text())
      .split('\n\n')
      .filter((event) => event.startsWith('data: '));
    const pieces = events.map(
      (event) =>
        JSON.parse(event.slice('data: '.length)) as { content: string; stop: boolean; tokens_predicted: number },
    );
    expect(pieces.map(({ content, stop }) => [content, stop])).toEqual([
      ['Hel', false],
      ['lo', false],
      ['!', false],
      ['', true],
    ]);
    expect(pieces.map((piece) => piece.tokens_predicted)).toEqual([1, 2, 3, 3]);
  });

  it.each([
    [{}, 'prompt'],
    [{ prompt: [] }, 'prompt'],
    [{ prompt: 'a', n_predict: 'many' }, 'n_predict'],
    [{ prompt: { prompt_string: 'a', multimodal_data: ['iVBORw0KGgo='] } }, 'prompt.multimodal_data'],
    [{ prompt: 'a', image_data: [{ data: 'iVBORw0KGgo=', id: 1 }] }, 'image_data'],
    [{ prompt: 'a', n_cmpl: 2 }, 'n_cmpl'],
    [{ prompt: ['a', [1, {}]] }, 'prompt[1][1]'],
    [{ prompt: 'a', id_slot: 2 }, 'id_slot'],
    [{ prompt: Array(129).fill('a') }, 'prompt'],
    [{ prompt: 'a', response_fields: 'content' }, 'response_fields'],
    [{ prompt: 'a', grammar: 'root ::= "a"', json_schema: {} }, 'grammar'],
  ])('refuses %j, naming %s', async (body, param) => {
    const response = await setUp().post('/completion', body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param } });
  });
});

describe('text and tokens', () => {
  it('are taken apart under each name that clients have for the text', async () => {
    const { post } = setUp();
    for (const name of ['content', 'prompt', 'text'])
      expect(await bodyOf(post('/tokenize', { [name]: 'hi' }))).toEqual({ tokens: [104, 105] });
    for (const name of ['add_special', 'add_special_tokens'])
      expect(await bodyOf(post('/tokenize', { content: 'hi', [name]: true }))).toEqual({ tokens: [0, 104, 105] });
    expect(await bodyOf(post('/tokenize', { content: 'é', with_pieces: true }))).toEqual({
      tokens: [
        { id: 0xc3, piece: [0xc3] },
        { id: 0xa9, piece: [0xa9] },
      ],
    });
    expect((await post('/tokenize', {})).status).toBe(400);
  });

  it('are put together, under both names', async () => {
    const { post } = setUp();
    expect(await bodyOf(post('/detokenize', { tokens: [104, 105] }))).toEqual({ content: 'hi', prompt: 'hi' });
    expect(await bodyOf(post('/detokenize', { tokens: [1, 256] }))).toMatchObject({ error: { param: 'tokens[1]' } });
  });

  it('are rendered by the template', async () => {
    expect(await bodyOf(setUp().post('/apply-template', { messages: [{ role: 'user', content: 'hi' }] }))).toEqual({
      prompt: '<user>',
    });
  });

  it.each(['/apply-template', '/v1/chat/completions'])(
    'are rendered by no template that a request to %s brings',
    async (path) => {
      const { post } = setUp();
      const messages = [{ role: 'user', content: 'hi' }];
      expect(await bodyOf(post(path, { messages, chat_template: '{{ 1 }}' }))).toMatchObject({
        error: { param: 'chat_template' },
      });
      expect((await post(path, { messages, chat_template: '' })).status).toBe(200);
    },
  );

  it('have their special tokens told', async () => {
    expect(await bodyOf(setUp().app.request('/tokenizer_info'))).toMatchObject({
      bos_token: '<begin>',
      pad_token: null,
      vocab_size: 256,
    });
  });
});

describe('what is asked of the server', () => {
  it('tells the served context, and folders to administrators alone', async () => {
    const { app } = setUp();
    expect(await bodyOf(app.request('/props'))).toMatchObject({
      default_generation_settings: { n_ctx: 64 },
      model_alias: 'fake',
      model_path: '/models/fake.gguf',
      modalities: { vision: false, audio: false },
    });
    const guarded = createApp(fakeParts({ keys: keysOf('user', 'secret') }).parts);
    expect(await bodyOf(guarded.request('/props', { headers: { 'x-api-key': 'secret' } }))).toMatchObject({
      model_path: 'fake.gguf',
    });
    expect(await (await app.request('/lora-adapters')).json()).toEqual([
      { id: 0, path: '/models/poet.gguf', scale: 1, task_name: 'poems', prompt_prefix: 'A poem:' },
      { id: 1, path: 'clerk.gguf', scale: 0, task_name: '', prompt_prefix: '' },
    ]);
  });

  it('loads and unloads models by their names', async () => {
    const { post } = setUp();
    for (const path of ['/models/load', '/models/unload']) {
      expect(await bodyOf(post(path, { model: 'fake' }))).toEqual({ success: true });
      expect(await bodyOf(post(path, {}))).toMatchObject({ error: { code: 400, param: 'model' } });
    }
  });

  it('takes properties where it is told to, of which none can be changed', async () => {
    const { post } = setUp();
    expect(await bodyOf(post('/props', {}))).toEqual({ success: true });
    expect(await bodyOf(post('/props', { seed: 1 }))).toMatchObject({ error: { code: 400, param: 'seed' } });
  });

  it('needs a key where keys are asked for, on each path', async () => {
    const app = createApp(fakeParts({ keys: keysOf('user', 'secret') }).parts);
    for (const path of [
      '/completion',
      '/tokenize',
      '/detokenize',
      '/apply-template',
      '/chat/completions',
      '/v1/chat/completions',
      '/v1/generate',
    ]) {
      expect(
        (await app.request(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }))
          .status,
      ).toBe(401);
    }
    for (const path of ['/props', '/slots', '/lora-adapters', '/tokenizer_info', '/metrics', '/v1/models', '/nowhere'])
      expect((await app.request(path)).status).toBe(401);
    for (const path of ['/', '/health', '/ready']) expect((await app.request(path)).status).toBe(200);
  });
});

describe('LoRA adapters', () => {
  it.each([
    ['/completion', { prompt: 'a' }],
    ['/v1/completions', { prompt: 'a' }],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'a' }] }],
    ['/v1/generate', { prompt: 'a' }],
  ])('are chosen by requests to %s: those that are not named have no part', async (path, body) => {
    const { post, model } = setUp();
    await post(path, body);
    await post(path, { ...body, lora: [{ id: 1, scale: -0.5 }] });
    expect(model.requests.map((request) => request.adapters)).toEqual([undefined, { 'lora 0': 0, 'lora 1': -0.5 }]);
    const response = await post(path, {
      ...body,
      lora: [
        { id: 0, scale: 1 },
        { id: 2, scale: 1 },
      ],
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: 'lora[1].id' } });
    expect((await post(path, { ...body, lora: [{ id: 0, scale: 'much' }] })).status).toBe(400);
  });

  it('get scales for requests that do not say', async () => {
    const { app, post, model } = setUp();
    expect(await bodyOf(post('/lora-adapters', [{ id: 1, scale: 0.25 }]))).toEqual({ success: true });
    expect(model.adapters().map(({ scale }) => scale)).toEqual([0, 0.5, 0.25]);
    expect((await (await app.request('/lora-adapters')).json()) as object[]).toMatchObject([
      { scale: 0 },
      { scale: 0.25 },
    ]);
    expect((await post('/lora-adapters', [{ id: 7, scale: 1 }])).status).toBe(400);
    expect((await post('/lora-adapters', { id: 0, scale: 1 })).status).toBe(400);
  });
});
