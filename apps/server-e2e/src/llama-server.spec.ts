import { post } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

interface Completion {
  readonly content: string;
  readonly tokens: number[];
  readonly prompt: string;
  readonly stop: boolean;
  readonly stop_type: string;
  readonly stopping_word: string;
  readonly completion_probabilities?: {
    readonly id: number;
    readonly logprob: number;
    readonly bytes: number[];
    readonly top_logprobs: { readonly id: number; readonly logprob: number }[];
  }[];
}

let server: RunningServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server?.stop();
});

const json = async <T>(path: string, body: object): Promise<T> =>
  (await (await post(`${server.url}${path}`, body)).json()) as T;
const complete = (body: object) => json<Completion>('/completion', { temperature: 0, n_predict: 24, ...body });

describe('llama-server’s clients', () => {
  it('get from /completion what /v1/generate gives, whole and streamed', async () => {
    const { text, tokens } = await json<{ text: string; tokens: number[] }>('/v1/generate', {
      prompt: 'Once upon a time',
      temperature: 0,
      max_tokens: 24,
    });
    const whole = await complete({ prompt: 'Once upon a time', return_tokens: true });
    expect(whole).toMatchObject({ content: text, tokens, stop: true });
    const stream = await (
      await post(`${server.url}/completion`, {
        prompt: 'Once upon a time',
        temperature: 0,
        n_predict: 24,
        stream: true,
      })
    ).text();
    const pieces = stream
      .split('\n\n')
      .filter((event) => event.startsWith('data: '))
      .map((event) => JSON.parse(event.slice(6)) as Completion);
    expect(pieces.map(({ content }) => content).join('')).toBe(text);
    expect(pieces.slice(0, -1).flatMap((piece) => piece.tokens)).toEqual(tokens);
    expect(pieces.at(-1)).toMatchObject({ stop: true, stop_type: whole.stop_type });
  });

  it('draw the same tokens for the same seed', async () => {
    const body = {
      prompt: 'Once',
      temperature: 1.5,
      top_k: 0,
      top_p: 1,
      min_p: 0,
      seed: 42,
      ignore_eos: true,
      return_tokens: true,
    };
    const [a, b, c] = [await complete(body), await complete(body), await complete({ ...body, seed: 43 })];
    expect(b.tokens).toEqual(a.tokens);
    expect(c.tokens).not.toEqual(a.tokens);
  });

  it('get probabilities whose first is the token’s own at temperature 0', async () => {
    const { completion_probabilities: entries = [] } = await complete({ prompt: 'Once', n_probs: 2, n_predict: 4 });
    expect(entries).toHaveLength(4);
    for (const { id, logprob, top_logprobs: top } of entries) expect(top[0]).toMatchObject({ id, logprob });
  });

  it.each([
    [[1, 999_999], 'prompt[1]'],
    [[0, -1], 'prompt[1]'],
    [[[1, 999_999]], 'prompt[0][1]'],
    [['Once', [1, 2, 999_999]], 'prompt[1][2]'],
    [['Once upon a time', 999_999], 'prompt[1]'],
    [
      [
        ['Once upon', 1],
        ['Once upon', 1, 999_999],
      ],
      'prompt[1][2]',
    ],
  ])('are told where an unknown id is: %j', async (prompt, param) => {
    const response = await post(`${server.url}/completion`, { prompt, n_predict: 1 });
    expect([response.status, ((await response.json()) as { error: object }).error]).toEqual([
      400,
      expect.objectContaining({ param }),
    ]);
  });

  it('see why an answer ended', async () => {
    expect(await complete({ prompt: 'Once', n_predict: 2, ignore_eos: true })).toMatchObject({
      stop_type: 'limit',
      stopping_word: '',
    });
    const { content } = await complete({ prompt: 'Once' });
    const word = content.trim().split(/\s+/)[1];
    expect(await complete({ prompt: 'Once', stop: [word] })).toMatchObject({ stop_type: 'word', stopping_word: word });
  });

  it('tokenize and detokenize', async () => {
    const { tokens } = await json<{ tokens: number[] }>('/tokenize', { content: 'Grüße, 世界!' });
    expect(await json('/detokenize', { tokens })).toEqual({ content: 'Grüße, 世界!', prompt: 'Grüße, 世界!' });
    const { prompt } = await json<{ prompt: string }>('/apply-template', {
      messages: [{ role: 'user', content: 'hello' }],
    });
    expect(prompt).toContain('hello');
    expect(await (await fetch(`${server.url}/props`)).json()).toMatchObject({
      default_generation_settings: { n_ctx: 512 },
      model_path: expect.stringMatching(/starling-demo-q8_0\.gguf$/),
    });
  });
});
