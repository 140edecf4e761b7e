import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import './open-tokenizer-files.test-support.js';
import { demoModelFile } from '../assets.js';
import { fakeIo } from '../cli-io.test-support.js';
import { COMMANDS } from './commands.js';
import { runProgram } from './program.js';

const demoModel = demoModelFile();
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-cli-'));
const inScratch = (name: string) => path.join(scratch, name);
const environment = { STARLING_HOME: inScratch('home') };
afterAll(() => fs.rmSync(scratch, { recursive: true }));

/** Runs a command line in this process. */
async function run(args: readonly string[], input = '') {
  const io = fakeIo(input, { environment });
  const code = await runProgram(args, io, '1.2.3', COMMANDS);
  return { code, stdout: io.out(), stderr: io.err() };
}

const jsonLines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

describe('the command line', () => {
  it('tells its version and its commands, each with its help', async () => {
    expect(await run(['--version'])).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' });
    const { stdout } = await run(['--help']);
    for (const command of [
      'serve',
      'run',
      'bench',
      'logits',
      'perplexity',
      'imatrix',
      'tokenize',
      'detokenize',
      'inspect',
      'quantize',
      'pull',
      'list',
      'rm',
    ]) {
      expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
      expect(await run([command, '--help'])).toMatchObject({
        code: 0,
        stderr: '',
        stdout: expect.stringContaining(`starling ${command}`),
      });
    }
  });

  it.each([
    [[], 'Usage'],
    [['nonsense'], "unknown command 'nonsense'"],
    [['tokenize'], "'-m, --model <MODEL>' not specified"],
    [['inspect'], "missing required argument 'FILE'"],
    [['inspect', 'a', 'b'], 'too many arguments'],
    [['bench', '-m', 'x', '-p', 'many'], 'Expected an integer'],
    [['bench', '-m', 'x', '--cache-type', 'q4_0'], 'Expected one of f32, f16, q8_0'],
    [['run', demoModel, 'hi', '--temperature', '-1'], 'Expected a number of at least 0'],
    [['logits', '-m', 'x', '--tokens', ' , ', '--out', 'y'], '--tokens: expected token ids, received none'],
    [['logits', '-m', 'x', '--tokens', '1,two', '--out', 'y'], 'received "two"'],
    [['logits', '-m', demoModel, '--tokens', '1,1536', '--out', inScratch('never')], '1536 is not in the vocabulary'],
    [['logits', '-m', demoModel, '--tokens', '1,2,3', '--ctx-size', '2', '--out', 'y'], 'do not fit a context of 2'],
    [['quantize', 'a', 'b', 'Q99'], 'unknown type Q99'],
    [['imatrix', '-o', 'x'], 'expected --model and --file, or --in-file'],
    [['imatrix', '-m', demoModel, '-o', 'x'], '--model and --file go together'],
    [['serve', '--port', 'x'], '--port: expected an integer'],
  ])('calls %j bad usage', async (args, mention) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(mention);
  });

  it.each([
    [['inspect', 'no-such-file'], 'no-such-file'],
    [['tokenize', '-m', scratch], 'there is no tokenizer.json beside it'],
    [['perplexity', '-m', demoModel, '-f', 'no-such-text'], 'no-such-text'],
    [['logits', '-m', demoModel, '--tokens', '@no-such-list', '--out', 'y'], 'no-such-list'],
    [['logits', '-m', demoModel, '--tokens', '1', '--out', '/no/such/folder/x'], '/no/such/folder/x'],
    [['quantize', demoModel, demoModel, 'F16'], 'would replace the input'],
    [['quantize', demoModel, inScratch('never.gguf'), 'Q4_0'], 'Q8_0 already'],
    [['pull', 'no-url'], 'hf:OWNER/REPO'],
    [['rm', 'nothing'], 'nothing'],
  ])('fails at %j with one line', async (args, mention) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^starling: [^\n]*\n$/);
    expect(stderr).toContain(mention);
    expect(fs.readdirSync(scratch)).toEqual([]);
  });
});

describe('apply-template and parse-answer', () => {
  const template = ['--template', 'TEMPLATE'];
  beforeAll(() => {
    template[1] = inScratch('template.jinja');
    const calls =
      "{% for c in m.tool_calls or [] %}<call>{{ {'name': c.function.name, 'arguments': c.function.arguments} | tojson }}</call>{% endfor %}";
    fs.writeFileSync(
      template[1],
      `{{ bos_token }}{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}[{{ m.role }}]{{ m.content }}${calls}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}{{ strftime_now(' %H') if hour }}`,
    );
  });
  afterAll(() => fs.rmSync(template[1]));

  it('answer each line in its place, whatever the others are', async () => {
    const messages = [{ role: 'user', content: 'hi' }];
    const wrong = [
      'garbage',
      '',
      'null',
      '[]',
      '{}',
      '{"messages":null}',
      '{"messages":[null]}',
      '{"messages":[],"tools":"x"}',
      '{"messages":[],"tools":[null]}',
      '{"messages":[],"variables":[1]}',
      '{"messages":[{"role":"user","content":7}]}',
    ];
    const right = [{ messages }, { messages, tools: null, variables: { hour: true }, add_generation_prompt: false }];
    const { code, stdout } = await run(
      ['apply-template', ...template, '--bos', '<s>', '--eos', '</s>', '--now', '2026-01-31T12:00:00'],
      [...wrong, ...right.map((line) => JSON.stringify(line))].join('\n'),
    );
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual([
      ...wrong.map(() => ({ error: expect.any(String) as string })),
      { text: '<s>[user]hi</s>[assistant]' },
      { text: '<s>[user]hi</s> 12' },
    ]);
  });

  it('read answers back, and go on after lines that are none', async () => {
    const tools = [
      {
        type: 'function',
        function: { name: 'f', parameters: { type: 'object', properties: { a: { type: 'integer' } } } },
      },
    ];
    const wrong = [
      'garbage',
      '{"text":5}',
      '{"text":"x","messages":[1]}',
      '{"text":"x","tools":[{}]}',
      '{"text":"x","variables":"v"}',
    ];
    const right = [
      {
        text: 'hi<call>{"name": "f", "arguments": {"a": 1}}</call>',
        messages: [{ role: 'user', content: 'x' }],
        tools,
      },
      { text: 'hi</s>', tools: null, messages: null },
      { text: '<call>{"na', tools, partial: true },
    ];
    const { code, stdout } = await run(
      ['parse-answer', ...template, '--eos', '</s>'],
      [...wrong, ...right.map((line) => JSON.stringify(line))].join('\n'),
    );
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual([
      ...wrong.map(() => ({ error: expect.any(String) as string })),
      {
        message: {
          role: 'assistant',
          content: 'hi',
          tool_calls: [{ type: 'function', function: { name: 'f', arguments: '{"a": 1}' } }],
        },
      },
      { message: { role: 'assistant', content: 'hi' } },
      { message: { role: 'assistant', content: '' } },
    ]);
  });
});

describe('tokenize and detokenize', () => {
  it('go there and back, line by line', async () => {
    const texts = ['Hello world', '', 'Grüße, 世界 🦊', '<|im_end|>'];
    const tokenized = await run(['tokenize', '-m', demoModel], `${texts.join('\n')}\n`);
    expect(tokenized).toMatchObject({ code: 0, stderr: '' });
    expect(jsonLines(tokenized.stdout)).toEqual([expect.any(Array), [], expect.any(Array), expect.any(Array)]);
    expect(jsonLines((await run(['detokenize', '-m', demoModel], tokenized.stdout)).stdout)).toEqual(texts);
  });

  it('take a last line without its end, and no line at all', async () => {
    expect((await run(['tokenize', '-m', demoModel], 'a\nb')).stdout.split('\n')).toHaveLength(3);
    expect((await run(['tokenize', '-m', demoModel], '')).stdout).toBe('');
  });

  it('read JSON lines, tell offsets, and parse special tokens where asked', async () => {
    const { stdout } = await run(
      ['tokenize', '-m', demoModel, '--json-lines', '--offsets'],
      `${JSON.stringify('two\nlines')}\n${JSON.stringify('é')}\n`,
    );
    const [first, second] = jsonLines(stdout) as { ids: number[]; offsets: [number, number][] }[];
    expect(first.offsets).toHaveLength(first.ids.length);
    expect(first.offsets.at(-1)![1]).toBe(9);
    expect(second.offsets.at(-1)![1]).toBe(2);
    expect((await run(['tokenize', '-m', demoModel, '--parse-special'], '<|im_end|>\n')).stdout).toBe('[1535]\n');
  });

  it('name the line that is wrong', async () => {
    expect(await run(['tokenize', '-m', demoModel, '--json-lines'], '"a"\nnot json\n')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('line 2 of stdin'),
    });
    expect(await run(['tokenize', '-m', demoModel, '--json-lines'], '5\n')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('expected a string'),
    });
    expect(await run(['detokenize', '-m', demoModel], '[1]\n[1, 99999]\n')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('line 2 of stdin: expected an array of ids from 0 to 1535'),
    });
  });
});

describe('files that cannot be used', () => {
  it('are told in words, without codes of the system', async () => {
    const missing = inScratch('missing.txt');
    for (const args of [
      ['perplexity', '-m', demoModel, '-f', missing],
      ['serve', '--config', missing],
      ['logits', '-m', demoModel, '--tokens', `@${missing}`, '--out', inScratch('o')],
    ]) {
      const { code, stderr } = await run(args);
      expect(code).toBeGreaterThan(0);
      expect(stderr).toContain(`${missing}: there is no such file`);
      expect(stderr).not.toContain('ENOENT');
    }
    expect((await run(['perplexity', '-m', demoModel, '-f', scratch])).stderr).toContain('this is a folder');
  });

  it('are not replaced by quantize unless it is told to', async () => {
    const kept = inScratch('kept.gguf');
    fs.writeFileSync(kept, 'mine');
    const refused = await run(['quantize', demoModel, kept, 'Q8_0', '--allow-requantize']);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('--force') });
    expect(fs.readFileSync(kept, 'utf8')).toBe('mine');
    expect(await run(['quantize', demoModel, kept, 'Q8_0', '--allow-requantize', '--force'])).toMatchObject({
      code: 0,
    });
    expect(fs.readFileSync(kept).subarray(0, 4).toString()).toBe('GGUF');
  });

  it('do not write to the terminal with their names and texts', async () => {
    const hostile = fs.readFileSync(demoModel);
    const escapes = ['\u001b[2J', '\u009b2J', '\u202e', '\r\u0000'].map((text) => Buffer.from(text));
    // Over the general.name key and the first name of a tensor: lengths stay as they are.
    for (const place of ['general.name', 'blk.0.'])
      Buffer.concat(escapes).copy(hostile, hostile.indexOf(place), 0, place === 'blk.0.' ? 4 : 12);
    const file = inScratch('hostile.gguf');
    fs.writeFileSync(file, hostile);
    for (const args of [
      ['inspect', file],
      ['inspect', file, '--json'],
      ['run', `${inScratch('no')}\u001b]0;x\u0007`],
      ['inspect', file.replace('hostile', '\u202efdp')],
    ]) {
      const { stdout, stderr } = await run(args);
      expect(`${stdout}${stderr}`).toMatch(/\\u001b|\\u202e/);
      expect(`${stdout}${stderr}`).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    }
  });
});

describe('inspect and quantize', () => {
  it('show a file, to people and to programs', async () => {
    const [shown] = jsonLines((await run(['inspect', demoModel, '--json'])).stdout) as {
      memory: Record<string, unknown>;
      metadata: Record<string, unknown>;
      tensors: object[];
    }[];
    expect(shown.memory).toMatchObject({
      context_length: 512,
      kv_type: 'F16',
      kv_tokens: 8192,
      kv_bytes: 12582912,
      conversions: [],
    });
    expect(shown.metadata['llama.context_length']).toBe(512);
    expect(shown.metadata['tokenizer.ggml.tokens']).toHaveLength(1536);
    expect(shown.tensors).toContainEqual(
      expect.objectContaining({ name: 'token_embd.weight', type: 'Q8_0', shape: [192, 1536], bytes: 313344 }),
    );
    const { stdout } = await run(['inspect', demoModel]);
    expect(stdout).toMatch(/^ {2}KV cache +12582912 bytes +F16, 8192 tokens, a context of 512$/m);
    expect(stdout).toMatch(/^ {2}llama\.rope\.freq_base +f32 +10000$/m);
    expect(stdout).toMatch(/^ {2}llama\.attention\.layer_norm_rms_epsilon +f32 +0\.00001$/m);
    expect(stdout).toMatch(/^ {2}token_embd\.weight +Q8_0 +192 x 1536 +313344 bytes$/m);
  });

  it('write a smaller file', async () => {
    expect(await run(['quantize', demoModel, inScratch('small.gguf'), 'Q4_0', '--allow-requantize'])).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('Q4_0'),
    });
    const [shown] = jsonLines((await run(['inspect', inScratch('small.gguf'), '--json'])).stdout) as {
      tensors: { name: string; type: string }[];
    }[];
    expect(shown.tensors.find(({ name }) => name === 'blk.0.ffn_up.weight')?.type).toBe('Q4_0');
  });
});

describe('run', () => {
  it('answers a prompt on stdout, with figures on stderr where asked', async () => {
    expect(await run(['run', demoModel, 'What is 12 + 7?', '--temperature', '0', '--stats'])).toEqual({
      code: 0,
      stdout: '12 + 7 = 19.\n',
      stderr: expect.stringMatching(/^\[prompt \d+ tokens/),
    });
  });

  it('continues a text as it stands with --raw', async () => {
    const { stdout } = await run([
      'run',
      demoModel,
      '<|im_start|>user\nWhat is 12 + 7?<|im_end|>\n<|im_start|>assistant\n',
      '--raw',
      '--temperature',
      '0',
    ]);
    expect(stdout).toBe('12 + 7 = 19.\n');
  });

  it('talks line by line, with a memory', async () => {
    const { code, stdout } = await run(
      ['run', demoModel, '--temperature', '0'],
      'My name is Anna.\nWhat is my name?\n/exit\n',
    );
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n').at(-1)).toContain('Anna');
  });
});

describe('bench', () => {
  const args = ['bench', '-m', demoModel, '-t', '1', '-p', '16', '-n', '4', '-r', '2'];

  it('measures, for programs and for people', async () => {
    const [figures] = jsonLines((await run([...args, '--json'])).stdout);
    const number = expect.any(Number) as number;
    expect(figures).toEqual({
      model: demoModel,
      threads: 1,
      prompt_tokens: 16,
      gen_tokens: 4,
      prompt_tps: number,
      decode_tps: number,
      load_ms: number,
      weights_bytes: number,
    });
    const together = await run([...args, '-p', '0', '--parallel', '3', '--json']);
    expect(jsonLines(together.stdout)).toEqual([
      expect.objectContaining({ parallel: 3, prompt_tps: null, decode_tps: number }) as unknown,
    ]);
    const deep = await run([...args, '-d', '40', '--parallel', '2', '--cache-type', 'q8_0', '--json']);
    expect(jsonLines(deep.stdout)).toEqual([
      expect.objectContaining({
        depth: 40,
        parallel: 2,
        cache_type: 'Q8_0',
        prompt_tps: number,
        decode_tps: number,
      }) as unknown,
    ]);
    expect((await run([...args, '-n', '0'])).stdout).toMatch(
      /^prompt, 16 tokens +[\d.]+ tokens\/s\ndecode, 0 tokens +-$/m,
    );
  });
});

describe('the cache folder', () => {
  it('is listed', async () => {
    expect(await run(['list'])).toEqual({ code: 0, stdout: '', stderr: '' });
    const folder = path.join(environment.STARLING_HOME, 'models', 'somebody');
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'tiny.gguf'), 'x');
    const manifest = {
      sha256: 'ab'.repeat(32),
      size: 1,
      source: 'https://example.org/tiny.gguf',
      time: '2025-01-02T03:04:05.000Z',
    };
    fs.writeFileSync(path.join(folder, 'tiny.gguf.manifest.json'), JSON.stringify(manifest));
    expect((await run(['list'])).stdout).toBe(
      'somebody/tiny.gguf  0.0 MB  abababababab  2025-01-02  https://example.org/tiny.gguf\n',
    );
    expect(jsonLines((await run(['list', '--json'])).stdout)).toEqual([
      [
        {
          name: 'somebody/tiny.gguf',
          path: path.join(folder, 'tiny.gguf'),
          bytes: 1,
          sha256: manifest.sha256,
          source: manifest.source,
          time: manifest.time,
        },
      ],
    ]);
    expect(await run(['rm', 'tiny.gguf'])).toEqual({ code: 0, stdout: 'somebody/tiny.gguf\n', stderr: '' });
    expect((await run(['list'])).stdout).toBe('');
  });
});
