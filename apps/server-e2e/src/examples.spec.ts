import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { repositoryRoot } from './support/starling-process.js';

const examples = path.join(repositoryRoot, 'examples');
const question = {
  messages: [{ role: 'user', content: 'What is the capital of France?' }],
  temperature: 0,
  max_tokens: 30,
};
const answer = 'The capital of France is Paris.';

const running = new Set<ChildProcess>();
// What a failed test leaves behind would keep Jest from its end.
afterAll(() => running.forEach((child) => child.kill('SIGKILL')));

/** A program of an example that runs, as its README has it. */
function start(program: string) {
  const child = spawn(process.execPath, ['--import', 'tsx', '-C', '@starling/source', path.join(examples, program)], {
    cwd: repositoryRoot,
    env: { ...process.env, NODE_OPTIONS: '', PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (said.err += text));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  void ended.then(() => running.delete(child));
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', () => said.out.includes('\n') && resolve(said.out.split('\n', 1)[0]));
    void ended.then((code) => reject(new TypeError(`${program} ended with ${code}: ${said.err}`)));
  });
  firstLine.catch(() => undefined);
  return { child, said, ended, firstLine };
}

/** Posts a question below a path, as somebody. */
const ask = (post: (url: string, init: RequestInit) => Promise<Response> | Response, base: string, key?: string) =>
  post(`${base}/llm/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key !== undefined && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify(question),
  });

/** The answer is there for users of the host, in the shapes of the API for all. */
async function expectAnswers(post: Parameters<typeof ask>[0], base: string): Promise<void> {
  const [known, unknown] = [await ask(post, base, 'key-of-ann'), await ask(post, base)];
  expect([known.status, await known.json()]).toMatchObject([200, { choices: [{ message: { content: answer } }] }]);
  expect([unknown.status, await unknown.json()]).toMatchObject([401, { error: { code: 'invalid_api_key' } }]);
}

describe('examples/', () => {
  it.each(['hono', 'express', 'fastify'])(
    '%s serves a model below a path, for its own users, beside its own pages',
    async (name) => {
      const { child, firstLine, said, ended } = start(`${name}/server.mjs`);
      const url = await firstLine;
      await expectAnswers(fetch, url);
      const stream = await fetch(`${url}/llm/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer key-of-bob' },
        body: JSON.stringify({ ...question, stream: true }),
      });
      expect(await stream.text()).toMatch(/^data: .*\n\n.*data: \[DONE\]\n\n$/s);
      expect(await (await fetch(url, { headers: { authorization: 'Bearer key-of-ann' } })).text()).toBe(
        'Hello ann, a model answers at /llm/v1.',
      );
      expect((await fetch(`${url}/v1/models`)).status).toBe(404);
      child.kill('SIGTERM');
      expect([await ended, said.err]).toEqual([0, '']);
    },
  );

  it('nextjs serves a model below a path by a route handler', async () => {
    type Handler = (request: Request) => Promise<Response>;
    const { GET, POST, runtime } = (await import(path.join(examples, 'nextjs/app/llm/[...path]/route.js'))) as Record<
      'GET' | 'POST',
      Handler
    > & { runtime: string };
    expect(runtime).toBe('nodejs');
    await expectAnswers((url, init) => POST(new Request(url, init)), 'http://app.example');
    expect(
      await (
        await GET(new Request('http://app.example/llm/v1/models', { headers: { authorization: 'Bearer key-of-ann' } }))
      ).json(),
    ).toMatchObject({ data: [{ id: expect.any(String) }] });
  });

  it.each([
    ['ai-sdk', [answer, /^\d+ tokens asked, \d+ answered$/, /^\{ city: '(Paris|Rome)' \}$/]],
    ['langchain', [answer, /^(Paris|Rome) has a tower\.$/, /^\{ city: '(Paris|Rome)' \}$/]],
  ])('%s prints an answer, and what is held to a schema', async (name, lines) => {
    const { ended, said } = start(`${name}/ask.mjs`);
    expect([await ended, said.err]).toEqual([0, '']);
    expect(said.out.trim().split('\n')).toEqual(
      lines.map((line) => (typeof line === 'string' ? line : expect.stringMatching(line))),
    );
  });
});
