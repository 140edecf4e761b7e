import { fakeIo } from '../src/cli-io.test-support.js';
import { compose, type Server } from '../src/compose.js';
import { resolveConfig } from '../src/config/resolve-config.js';

const GRAMMAR_LENGTH = 2 ** 18;
const BODY_BYTES = 2 ** 19;
const CONTEXT = 64;

let server: Server;
beforeAll(async () => {
  const flags = {
    port: 0,
    threads: 1,
    logLevel: 'silent',
    ctxSize: CONTEXT,
    maxBodyBytes: BODY_BYTES,
    sessionLimit: 2,
    batchSize: 16,
    parallel: 2,
  };
  server = compose(resolveConfig({ flags, environment: {} }), fakeIo(''));
  await server.start();
});
afterAll(() => server.close(AbortSignal.abort()));

interface Answer {
  readonly status: number;
  readonly finish_reason?: string;
  readonly usage?: { readonly completion_tokens: number };
  readonly error?: { readonly code: string; readonly param?: string };
}

async function send(body: string): Promise<Answer> {
  const response = await fetch(`${server.url}/v1/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  return { status: response.status, ...((await response.json()) as object) };
}
const ask = (body: object) => send(JSON.stringify({ ignore_eos: true, temperature: 0, ...body }));
const promptOf = (tokens: number) => Array.from({ length: tokens }, () => 1);

describe('limits, each with all that fits and with one more', () => {
  it('of a body, in bytes', async () => {
    const body = JSON.stringify({ prompt: 'a', max_tokens: 1 });
    expect(await send(body.padEnd(BODY_BYTES))).toMatchObject({ status: 200 });
    expect(await send(body.padEnd(BODY_BYTES + 1))).toMatchObject({
      status: 413,
      error: { code: 'request_too_large' },
    });
  });

  it('of the context, in tokens of a prompt', async () => {
    expect(await ask({ prompt: promptOf(CONTEXT - 1) })).toMatchObject({ status: 200, finish_reason: 'length' });
    expect(await ask({ prompt: promptOf(CONTEXT) })).toMatchObject({
      status: 400,
      error: { code: 'context_length_exceeded', param: 'prompt' },
    });
  });

  it('of an answer: what it asks for, at most what the context has left', async () => {
    const left = (await ask({ prompt: promptOf(50) })).usage!.completion_tokens;
    expect(left).toBeGreaterThanOrEqual(CONTEXT - 50);
    for (const asked of [left - 1, left, left + 1])
      expect((await ask({ prompt: promptOf(50), max_tokens: asked })).usage!.completion_tokens).toBe(
        Math.min(asked, left),
      );
  });

  it('of a grammar, in characters', async () => {
    const grammar = 'root ::= "a" # ';
    expect(await ask({ prompt: 'a', max_tokens: 1, grammar: grammar.padEnd(GRAMMAR_LENGTH, 'x') })).toMatchObject({
      status: 200,
    });
    expect(await ask({ prompt: 'a', max_tokens: 1, grammar: grammar.padEnd(GRAMMAR_LENGTH + 1, 'x') })).toMatchObject({
      status: 400,
      error: { code: 'invalid_request', param: 'grammar' },
    });
  });

  it('of a step, which no prompt notices: longer ones are computed in parts, to the same end', async () => {
    for (const tokens of [16, 17])
      expect(await ask({ prompt: promptOf(tokens), max_tokens: 2 })).toMatchObject({
        status: 200,
        usage: { completion_tokens: 2 },
      });
  });

  it('of sessions: with one more the one that was used longest ago closes', async () => {
    const held = async () =>
      ((await (await fetch(`${server.url}/v1/sessions`)).json()) as { data: { session_id: string }[] }).data
        .map((one) => one.session_id)
        .filter((id) => id.length === 1)
        .sort();
    for (const id of ['a', 'b']) await ask({ prompt: 'a', max_tokens: 1, session_id: id });
    expect(await held()).toEqual(['a', 'b']);
    await ask({ prompt: 'a', max_tokens: 1, session_id: 'c' });
    expect(await held()).toEqual(['b', 'c']);
  });
});
