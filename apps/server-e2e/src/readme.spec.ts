import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot, startServer, type RunningServer } from './support/starling-process.js';

const run = promisify(execFile);
const read = (file: string) => fs.readFileSync(path.join(repositoryRoot, file), 'utf8');

/** What the README has its readers run against the server that it has them start, in order. */
const snippets = [...read('README.md').matchAll(/^```(sh|js)\n(.*?)^```/gms)]
  .map(([, language, code]) => ({ language, code }))
  .filter(({ code }) => code.includes('http://127.0.0.1:8080'));
const { devDependencies, scripts } = JSON.parse(read('package.json')) as Record<
  'devDependencies' | 'scripts',
  Record<string, string>
>;
/** Packages of others that a snippet has installed first. */
const packagesOf = (code: string) => /^\/\/ npm install (.+)$/m.exec(code)?.[1].split(' ') ?? [];
/** A snippet of a client that is none of our development dependencies is looked at, and not run. */
const canRun = ({ code }: (typeof snippets)[number]) => packagesOf(code).every((name) => name in devDependencies);

type Answer = Readonly<Record<string, unknown>>;
/** Names of fields; what a cache misses depends on who asked before. */
const shapeOf = ({ usage, timings, ...answer }: Answer) => [
  Object.keys(answer),
  Object.keys(usage as Answer).filter((name) => name !== 'cache_miss'),
  Object.keys(timings as Answer),
];

let server: RunningServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server?.stop();
});

/** Runs a snippet as it is printed, but for the port; gives what it prints. */
async function printed({ language, code }: (typeof snippets)[number]): Promise<string> {
  const here = code.replaceAll('http://127.0.0.1:8080', server.url);
  const command =
    language === 'sh'
      ? (['bash', ['-ec', here]] as const)
      : ([process.execPath, ['--input-type=module', '-e', here]] as const);
  return (await run(command[0], command[1], { cwd: repositoryRoot })).stdout;
}

describe('the README', () => {
  it('starts the server that its snippets speak to, and shows five clients beside the first request', () => {
    expect(scripts.start).toBe('node tools/starling.mjs serve');
    expect(snippets.map(({ code }) => packagesOf(code))).toEqual([
      [],
      [],
      ['openai'],
      ['@anthropic-ai/sdk'],
      ['ollama'],
      ['ai', '@ai-sdk/openai-compatible'],
    ]);
    for (const { code } of snippets) for (const name of packagesOf(code)) expect(code).toContain(`from '${name}'`);
  });

  it('prints the answer to its first request as it comes: the same text, and all its fields', async () => {
    const shown = JSON.parse(/^```json\n(.*?)^```/ms.exec(read('README.md'))![1]) as Answer;
    const answer = JSON.parse(await printed(snippets[0])) as Answer;
    expect(shapeOf(answer)).toEqual(shapeOf(shown));
    expect([answer.text, answer.tokens]).toEqual([shown.text, shown.tokens]);
  });

  it.each(snippets.filter(canRun).map((snippet, i) => [i + 1, snippet] as const))(
    'has snippet %d answered',
    async (_, snippet) => {
      expect(await printed(snippet)).toMatch(/\b19\b|Paris/);
    },
  );
});
