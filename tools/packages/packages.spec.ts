import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { transformSync } from 'esbuild';
import { publint } from 'publint';
import { binOf, root } from '../run.mjs';
import { esbuildBundle, pageProgram, viteBundle } from './browser-bundles.js';
import { entriesOf, type Entry } from './entries.js';
import { entrySize, MOST_KB } from './sizes.js';
import { RESOLUTIONS, typeErrors } from './type-check.js';

const libraries = fs.readdirSync(path.join(root, 'libs')).sort();
/** All that is published under @starling: the server is a library too. */
const packages = [...libraries, 'server'];
const distOf = (library: string): string =>
  path.join(root, library === 'server' ? 'apps/server/package' : path.join('libs', library), 'dist');

/** The first code block of a language in a library's README. */
function readmeBlock(library: string, language: string): string | undefined {
  const readme = fs.readFileSync(path.join(distOf(library), 'README.md'), 'utf8');
  return new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1];
}

/** Runs a module in the folder where the tarballs are installed, in plain Node. */
function run(folder: string, source: string): { status: number | null; stdout: string; stderr: string } {
  const file = path.join(folder, `run-${process.hrtime.bigint()}.mjs`);
  fs.writeFileSync(file, source);
  return spawnSync(process.execPath, [file], { cwd: folder, encoding: 'utf8', env: { PATH: process.env.PATH } });
}

/** Runs a module there in Node or in another runtime; what it logs comes as JSON, which does not hang on how a runtime prints values. */
function logged(
  folder: string,
  [command, ...flags]: readonly string[],
  source: string,
): { status: number | null; lines: string[]; stderr: string } {
  const name = `run-${process.hrtime.bigint()}`;
  const prelude = path.join(folder, `${name}-log.mjs`);
  const file = path.join(folder, `${name}.mjs`);
  fs.writeFileSync(
    prelude,
    'console.log = (...values) => void process.stdout.write(`${JSON.stringify(values)}\\n`);\n',
  );
  // Imported first: what is imported runs before all else.
  fs.writeFileSync(file, `import './${path.basename(prelude)}';\n${source}`);
  const { status, stdout, stderr } = spawnSync(command, [...flags, file], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '' },
  });
  return { status, lines: stdout.split('\n').slice(0, -1), stderr };
}

/** Other runtimes of JavaScript, where they are at hand: named by the environment, or on the path. */
const runtimes = [
  { name: 'Bun', command: process.env.BUN || 'bun', flags: [] },
  { name: 'Deno', command: process.env.DENO || 'deno', flags: ['run', '-A', '--quiet'] },
].map((runtime) => ({
  ...runtime,
  isThere: spawnSync(runtime.command, ['--version'], { stdio: 'ignore' }).status === 0,
}));

/** Libraries that use nothing of Node's, and the engine, which has threads of each runtime compute. */
const portable = [
  'core',
  'tokenizer',
  'gguf',
  'grammar',
  'sampler',
  'jinja',
  'chat',
  'kvcache',
  'scheduler',
  'kernels',
  'transformer',
  'engine',
  'telemetry',
];

/** The demo model: on the calling thread and by two others, greedy and seeded, held to a grammar. */
const asksTheDemoModel = (file: string): string => `
import { Starling } from '@starling/engine';
for (const options of [{ inline: true }, { threads: 2 }]) {
  const model = await Starling.load(${JSON.stringify(file)}, { deterministic: true, ...options });
  const messages = [{ role: 'user', content: 'Tell me a story of a fox.' }];
  for (const more of [{ temperature: 0 }, { temperature: 1.5, topK: 0, topP: 1, minP: 0, seed: 5 }, { regex: '[a-z]{3} [0-9]{4}', seed: 1 }]) {
    const { text, tokens } = await model.generate({ messages, maxTokens: 24, ...more }).result();
    console.log(text, tokens);
  }
  await model.close();
}
`;

/** What entries of libraries need beside them, and their readers install with them. */
function optionalPeers(): string[] {
  const peers = packages.map(
    (library) =>
      (
        JSON.parse(fs.readFileSync(path.join(distOf(library), 'package.json'), 'utf8')) as {
          peerDependencies?: Record<string, string>;
        }
      ).peerDependencies ?? {},
  );
  return Object.entries(Object.assign({}, ...peers) as Record<string, string>).map(
    ([name, range]) => `${name}@${range}`,
  );
}

/** Packs a folder as npm would publish it; gives the tarball. */
function pack(from: string, to: string): string {
  const out = execFileSync('npm', ['pack', '--json', '--loglevel=error', '--pack-destination', to], {
    cwd: from,
    encoding: 'utf8',
  });
  const packed = JSON.parse(out.slice(out.search(/[[{]/))) as
    | { filename: string }[]
    | Record<string, { filename: string }>;
  return path.join(to, Object.values(packed)[0].filename);
}

describe('a release', () => {
  it('gives all libraries and the server one version, and each the others in it', () => {
    const options = {
      cwd: root,
      encoding: 'utf8' as const,
      env: { ...process.env, NX_DAEMON: 'false', NX_NO_CLOUD: 'true', FORCE_COLOR: '0' },
    };
    const { stdout, status } = spawnSync('npx', ['nx', 'release', 'version', '99.0.0', '--dry-run'], options);
    expect(status).toBe(0);
    const written = [...stdout.matchAll(/New version (\S+) written to manifest: (\S+)/g)].map(
      ([, version, file]) => `${file} ${version}`,
    );
    expect(written.sort()).toEqual(
      [...libraries.map((library) => `libs/${library}/package.json 99.0.0`), 'apps/server/package.json 99.0.0'].sort(),
    );
    // No line that goes away without its successor: a dependency left at the old version.
    const counts = (pattern: RegExp): number => stdout.match(pattern)?.length ?? 0;
    expect(counts(/^\+ .*"99\.0\.0"/gm)).toBe(counts(/^- .*"\d+\.\d+\.\d+"/gm));
  });
});

/** A request as its types have it, and as they have not: the compiler says where an expected error is none. */
const REQUESTS = `
import { Starling, type GenerateRequest, type LanguageModel, type ModelSource } from '@starling/engine';
const sources: ModelSource[] = ['model.gguf', { path: 'model.gguf', draftModel: 'small.gguf' }, { data: new Uint8Array(8) }];
export const load = (): Promise<LanguageModel> => Starling.load(sources[0], { contextLength: 512 });
export const right: GenerateRequest[] = [{ prompt: 'a', topK: 1 }, { tokens: Uint32Array.of(1) }, { messages: [{ role: 'user', content: 'a' }], maxTokens: 1 }, { sessionId: 's' }];
// @ts-expect-error two prompts
export const two: GenerateRequest = { prompt: 'a', tokens: [1] };
// @ts-expect-error none, and no session to go on with
export const none: GenerateRequest = { maxTokens: 1 };
// @ts-expect-error a parameter that is none
export const unknown: GenerateRequest = { prompt: 'a', top_k: 1 };
`;

describe('the packed libraries', () => {
  let folder: string;
  let tarballs: Readonly<Record<string, string>>;
  let entries: Entry[];

  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-packages-'));
    tarballs = Object.fromEntries(packages.map((library) => [library, pack(distOf(library), folder)]));
    fs.writeFileSync(
      path.join(folder, 'package.json'),
      JSON.stringify({ name: 'consumer', private: true, type: 'module' }),
    );
    execFileSync(
      'npm',
      ['install', '--no-audit', '--no-fund', '--loglevel=error', ...Object.values(tarballs), ...optionalPeers()],
      { cwd: folder, stdio: 'pipe' },
    );
    entries = packages.flatMap((library) => entriesOf(path.join(folder, 'node_modules/@starling', library)));
  });

  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  it.each(packages)('%s imports in plain Node, each entry with its types', (library) => {
    const installed = path.join(folder, 'node_modules/@starling', library);
    const manifest = JSON.parse(fs.readFileSync(path.join(installed, 'package.json'), 'utf8')) as {
      exports: Record<string, { types: string } | string>;
    };
    for (const [subpath, target] of Object.entries(manifest.exports)) {
      if (typeof target === 'string') continue;
      expect(fs.existsSync(path.join(installed, target.types))).toBe(true);
      const name = path.posix.join('@starling', library, subpath);
      const result = run(folder, `import * as library from '${name}';\nconsole.log(Object.keys(library).length);\n`);
      expect(result).toMatchObject({ status: 0, stderr: '' });
      expect(Number(result.stdout)).toBeGreaterThan(0);
    }
  });

  it.each(packages)('%s prints what its README says', (library) => {
    const example = readmeBlock(library, 'ts');
    const expected = readmeBlock(library, 'text');
    if (example === undefined || expected === undefined)
      throw new TypeError(`README.md of ${library}: no \`\`\`ts example followed by its output in \`\`\`text`);
    const { code } = transformSync(example, { loader: 'ts', format: 'esm', target: 'node20' });
    expect(run(folder, code)).toEqual(expect.objectContaining({ status: 0, stdout: expected }));
  });

  for (const { name, command, flags, isThere } of runtimes) {
    (isThere ? it : it.skip)(`do in ${name} what they do in Node, the engine with the same tokens`, () => {
      const programs = new Map(
        portable.map((library) => [
          library,
          transformSync(readmeBlock(library, 'ts')!, { loader: 'ts', format: 'esm', target: 'node20' }).code,
        ]),
      );
      programs.set('the demo model', asksTheDemoModel(path.join(root, 'apps/server/models/starling-demo-q8_0.gguf')));
      for (const [what, source] of programs) {
        const inNode = logged(folder, [process.execPath], source);
        expect({ what, ...inNode, hasOutput: inNode.lines.length > 0 }).toMatchObject({
          status: 0,
          stderr: '',
          hasOutput: true,
        });
        expect({ what, ...logged(folder, [command, ...flags], source) }).toEqual({ what, ...inNode });
      }
    });
  }

  it('run the example of the AI SDK, whose files are the same here and in the repository', () => {
    const { status, stdout, stderr } = run(folder, fs.readFileSync(path.join(root, 'examples/ai-sdk/ask.mjs'), 'utf8'));
    expect([status, stderr, stdout.split('\n', 1)[0]]).toEqual([0, '', 'The capital of France is Paris.']);
  });

  it.each(packages)('%s holds no test, no source and nothing that publint objects to', async (library) => {
    const files = fs.readdirSync(distOf(library), { recursive: true }).map(String);
    expect(files.filter((file) => /\.(spec|contract)\.|(?<!\.d)\.ts$/.test(file))).toEqual([]);
    const { messages } = await publint({ pkgDir: distOf(library), level: 'warning', pack: false });
    expect(messages).toEqual([]);
  });

  it.each(packages)('%s has types that fit what is imported, whichever way that is found', (library) => {
    // Our modules are for `import` alone: what `require`, and the oldest way of looking, would find is left out.
    const { stdout, status } = spawnSync(
      process.execPath,
      [
        binOf('@arethetypeswrong/cli', 'attw'),
        tarballs[library],
        '--profile',
        'esm-only',
        '--no-definitely-typed',
        '--format',
        'json',
      ],
      { cwd: folder, encoding: 'utf8' },
    );
    const { problems = {} } = JSON.parse(stdout) as {
      problems?: Readonly<Record<string, readonly { readonly resolutionKind?: string }[]>>;
    };
    const ours = Object.values(problems)
      .flat()
      .filter(({ resolutionKind = '' }) => !['node10', 'node16-cjs'].includes(resolutionKind));
    expect({ status, ours }).toEqual({ status: 0, ours: [] });
  });

  it.each(Object.keys(RESOLUTIONS) as (keyof typeof RESOLUTIONS)[])(
    'compile strictly where imports are found as with %s: every entry, every README',
    (resolution) => {
      const sources: Record<string, string> = {
        'entries.ts': entries.map(({ name }, i) => `export * as entry${i} from '${name}';`).join('\n'),
        'requests.ts': REQUESTS,
        ...Object.fromEntries(
          packages.map((library) => [`readme-${library}.ts`, `${readmeBlock(library, 'ts')}\nexport {};\n`]),
        ),
      };
      expect(typeErrors(folder, sources, resolution)).toEqual([]);
    },
  );

  it.each([
    ['esbuild', esbuildBundle],
    ['Vite', viteBundle],
  ])('are bundled for pages by %s, and answer from there', async (_, bundle) => {
    const file = await bundle(folder, pageProgram(entries.filter(({ isForPages }) => isForPages)));
    expect(fs.readFileSync(file, 'utf8')).not.toMatch(/from ?["']node:|import\(["']node:|require\(["']node:/);
    const model = path.join(root, 'apps/server/models/starling-demo-q8_0.gguf');
    const result = run(
      folder,
      `import fs from 'node:fs';\nimport { ask } from ${JSON.stringify(file)};\nconsole.log(await ask(fs.readFileSync(${JSON.stringify(model)}), 'What is 12 + 7?'));\n`,
    );
    expect(result).toMatchObject({ status: 0, stdout: expect.stringContaining('19') as string });
  });

  it('are as small as they are said to be', async () => {
    const sizes = await Promise.all(
      entries.map(async (entry) => [entry.name, await entrySize(folder, entry)] as const),
    );
    console.info(sizes.map(([name, size]) => `${name}: ${size.toFixed(1)} kB of ${MOST_KB[name]}`).join('\n'));
    expect(sizes.filter(([name, size]) => !(size <= MOST_KB[name]))).toEqual([]);
  });
});

describe('the packed command', () => {
  it('serves the demo model in an empty folder, by npx', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-command-'));
    const tarball = pack(path.join(root, 'apps/server/dist'), folder);
    const server = spawn('npx', ['--yes', `./${path.basename(tarball)}`], {
      cwd: folder,
      env: { ...process.env, STARLING_PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    const ended = new Promise((resolve) => server.once('exit', resolve));
    try {
      let said = '';
      for await (const chunk of server.stdout.setEncoding('utf8')) if ((said += String(chunk)).includes('\n')) break;
      const [url] = /http:[^ ]+/.exec(said)!;
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ messages: [{ role: 'user', content: 'What is 12 + 7?' }], temperature: 0 }),
      });
      const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
      expect(choices[0].message.content).toContain('19');
      expect((await fetch(url, { headers: { accept: 'text/html' } })).headers.get('content-type')).toContain(
        'text/html',
      );
    } finally {
      if (server.pid !== undefined && server.exitCode === null) process.kill(-server.pid, 'SIGTERM');
      await ended;
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
});
