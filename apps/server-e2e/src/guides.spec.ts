import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot, startServer, type RunningServer } from './support/starling-process.js';

const run = promisify(execFile);
const ADDRESS = 'http://127.0.0.1:8080';
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-guides-'));
const model = path.join(folder, 'model.gguf');
fs.copyFileSync(path.join(repositoryRoot, 'apps/server/models/starling-demo-q8_0.gguf'), model);
fs.mkdirSync(path.join(folder, 'models'));
fs.copyFileSync(model, path.join(folder, 'models/model.gguf'));
/** Programs stand where the libraries are found. */
const program = path.join(repositoryRoot, `node_modules/.cache/guide-${process.pid}.mjs`);
fs.mkdirSync(path.dirname(program), { recursive: true });
afterAll(() => {
  fs.rmSync(folder, { recursive: true });
  fs.rmSync(program, { force: true });
});

const snippetsIn = (file: string) =>
  [...fs.readFileSync(path.join(repositoryRoot, file), 'utf8').matchAll(/^```(sh|js)\n(.*?)^```/gms)].map(
    ([, language, code]) => ({ language, code }),
  );
const snippetsOf = (guide: string) => snippetsIn(`docs/${guide}.md`);

/** Runs commands as they are printed, but for what is called `starling`, and the port. */
async function printed(code: string, url: string): Promise<string> {
  const command = `starling() { "${process.execPath}" "${path.join(repositoryRoot, 'tools/starling.mjs')}" "$@"; }\n${code.replaceAll(ADDRESS, url)}`;
  return (await run('bash', ['-euc', command], { cwd: folder, env: { ...process.env, STARLING_HOME: folder } })).stdout;
}

async function printedByProgram(code: string): Promise<string> {
  fs.writeFileSync(program, code);
  return (
    await run(
      process.execPath,
      [path.join(repositoryRoot, 'node_modules/tsx/dist/cli.mjs'), '-C', '@starling/source', program],
      { cwd: folder },
    )
  ).stdout;
}

const argumentsOf = (command: string) =>
  command
    .trim()
    .split(/\s+/)
    .slice(2)
    .map((word) => (fs.existsSync(path.join(folder, word)) ? path.join(folder, word) : word));

describe.each(['getting-started', 'migration'])('docs/%s.md', (guide) => {
  const servers: RunningServer[] = [];
  afterAll(async () => {
    for (const server of servers) await server.stop();
  });

  it('can be followed from its beginning to its end', async () => {
    const outputs: string[] = [];
    let toServe: string | undefined;
    for (const { language, code } of snippetsOf(guide)) {
      if (language === 'js') outputs.push(await printedByProgram(code));
      else if (code.startsWith('starling serve')) toServe = code;
      else {
        // One that nobody asks need not be started: another test looks at its flags.
        if (toServe !== undefined && code.includes(ADDRESS)) {
          await servers.pop()?.stop();
          servers.push(await startServer(argumentsOf(toServe), { STARLING_HOME: folder }));
          toServe = undefined;
        }
        outputs.push(await printed(code, servers.at(-1)?.url ?? ''));
      }
    }
    const answers = outputs.filter((output) => /\b19\b/.test(output));
    expect(answers).toHaveLength(guide === 'migration' ? 2 : 5);
    for (const output of outputs) expect(output).not.toContain('"error"');
  });
});

describe('docs/deployment.md', () => {
  it('starts a server that asks for the keys that it has one add', async () => {
    const [code] = snippetsOf('deployment')
      .filter(({ language }) => language === 'sh')
      .map((snippet) => snippet.code);
    const lines = code.trim().split('\n');
    // The build is one of `build.spec.ts`.
    expect(lines.map((line) => /^(?:npx nx build server|starling keys add|starling serve) /.test(line))).toEqual([
      true,
      true,
      true,
    ]);
    fs.rmSync(path.join(folder, 'keys.json'), { force: true });
    fs.mkdirSync(path.join(folder, 'kv'));
    const key = (await printed(lines[1], '')).trim();
    const server = await startServer([...argumentsOf(lines[2]), '--host', '127.0.0.1']);
    try {
      const ask = (headers: Record<string, string>) =>
        fetch(`${server.url}/v1/models`, { headers }).then(({ status }) => status);
      expect([await ask({}), await ask({ authorization: `Bearer ${key}` })]).toEqual([401, 200]);
    } finally {
      await server.stop();
    }
  });
});

describe('apps/server/README.md', () => {
  const lines = snippetsIn('apps/server/README.md').flatMap(({ code }) =>
    code
      .trim()
      .split('\n')
      .map((line) => line.replace(/\s+# .*$/, '').replace(/^npm run -s starling -- /, 'starling ')),
  );
  const serving = lines.filter((line) => line.startsWith('starling serve'));

  it('has commands that do what they say', async () => {
    fs.rmSync(path.join(folder, 'keys.json'), { force: true });
    const outputs = await Promise.all(lines.filter((line) => !serving.includes(line)).map((line) => printed(line, '')));
    expect(outputs).toHaveLength(3);
    // An answer, a table of rates, a key.
    expect(outputs.map((output) => output.trim().length > 0)).toEqual([true, true, true]);
  });

  it('starts servers that take the keys that it names', async () => {
    // The first, without options, is the one of the repository's README.
    expect(serving).toHaveLength(3);
    for (const [line, key] of [
      [serving[1], 'secret'],
      [serving[2], (await printed(lines.find((one) => one.includes('keys add'))!.replace('alice', 'bob'), '')).trim()],
    ]) {
      const server = await startServer([...argumentsOf(line), '--port', '0', '--host', '127.0.0.1']);
      try {
        const { status } = await fetch(`${server.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
        expect([line, status]).toEqual([line, 200]);
      } finally {
        await server.stop();
      }
    }
  });
});

describe('docs/adding-an-architecture.md', () => {
  it('runs the tests of one architecture', async () => {
    const [{ code }] = snippetsOf('adding-an-architecture').filter(({ language }) => language === 'sh');
    const { stdout } = await run('bash', ['-euc', `${code.trim().replace('NAME', 'arcee')} --listTests`], {
      cwd: repositoryRoot,
    });
    const found = stdout.trim().split('\n');
    expect(found.length).toBeGreaterThan(0);
    for (const file of found) expect(file).toMatch(/libs\/transformer\/.*arcee.*\.spec\.ts$/);
  });
});
