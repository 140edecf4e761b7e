import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describeWithFixtures, fixturePath, readFloatFixture, readJsonFixture, relativeRms } from '../../../tools/fixtures/fixtures.js';
import { repositoryRoot, starling } from './support/starling-process.js';

const demoModel = path.join(repositoryRoot, 'apps/server/models/starling-demo-q8_0.gguf');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-e2e-'));
const inScratch = (name: string) => path.join(scratch, name);
const environment = { STARLING_HOME: inScratch('home') };
afterAll(() => fs.rmSync(scratch, { recursive: true }));

describe('starling', () => {
  it('tells what it can do', async () => {
    const { code, stdout, stderr } = await starling(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of ['serve', 'run', 'bench', 'logits', 'perplexity', 'tokenize', 'detokenize', 'inspect', 'quantize', 'pull', 'list', 'rm']) {
      expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
      expect(await starling([command, '--help'])).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining(`starling ${command}`) });
    }
    expect(await starling(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  }, 60_000);

  it.each([[[]], [['nonsense']], [['tokenize']], [['inspect']], [['bench', '-m', 'x', '-p', 'many']], [['logits', '-m', 'x', '--tokens', '', '--out', 'y']], [['quantize', 'a', 'b', 'Q99']]])(
    'calls %j bad usage',
    async (args) => {
      const { code, stdout, stderr } = await starling(args, { environment });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).not.toMatch(/\n\s+at /);
    },
  );
});

describe('starling tokenize and detokenize', () => {
  it('go there and back, line by line', async () => {
    const texts = ['Hello world', '', 'Grüße, 世界 🦊', '<|im_end|>'];
    const plain = await starling(['tokenize', '-m', demoModel], { input: `${texts.join('\n')}\n` });
    expect(plain.code).toBe(0);
    expect(plain.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown)).toEqual(texts.map(() => expect.any(Array)));
    const back = await starling(['detokenize', '-m', demoModel], { input: plain.stdout });
    expect(back.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown)).toEqual(texts);
  });

  it('read JSON lines, tell offsets, and parse special tokens where asked', async () => {
    const input = `${JSON.stringify('two\nlines')}\n${JSON.stringify('é')}\n`;
    const { stdout } = await starling(['tokenize', '-m', demoModel, '--json-lines', '--offsets'], { input });
    const [first, second] = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as { ids: number[]; offsets: [number, number][] });
    expect(first.offsets.at(-1)).toEqual([expect.any(Number), 9]);
    expect(second.offsets.at(-1)![1]).toBe(2);
    const special = await starling(['tokenize', '-m', demoModel, '--parse-special'], { input: '<|im_end|>\n' });
    expect(special.stdout).toBe('[1535]\n');
  });

  it('name the line that is wrong', async () => {
    expect(await starling(['tokenize', '-m', demoModel, '--json-lines'], { input: '"a"\nnot json\n' })).toMatchObject({ code: 1, stderr: expect.stringContaining('line 2') });
    expect(await starling(['detokenize', '-m', demoModel], { input: '[1, 99999]\n' })).toMatchObject({ code: 1, stderr: expect.stringContaining('line 1') });
  });
});

describe('starling inspect and quantize', () => {
  it('show and make files', async () => {
    const shown = JSON.parse((await starling(['inspect', demoModel, '--json'])).stdout) as { metadata: Record<string, unknown>; tensors: { name: string; type: string }[] };
    expect(shown.metadata['llama.context_length']).toBe(512);
    expect(shown.tensors).toContainEqual(expect.objectContaining({ name: 'token_embd.weight', type: 'Q8_0', shape: [192, 1536] }));
    expect((await starling(['inspect', demoModel])).stdout).toContain('token_embd.weight');
  });

  it('quantize what is not quantized, and refuse what is', async () => {
    expect(await starling(['quantize', demoModel, inScratch('q4.gguf'), 'Q4_0'])).toMatchObject({ code: 1, stderr: expect.stringContaining('Q8_0 already') });
    expect(fs.existsSync(inScratch('q4.gguf'))).toBe(false);
    expect(await starling(['quantize', demoModel, inScratch('q4.gguf'), 'Q4_0', '--allow-requantize'])).toMatchObject({ code: 0, stderr: '' });
    const shown = JSON.parse((await starling(['inspect', inScratch('q4.gguf'), '--json'])).stdout) as { tensors: { name: string; type: string }[] };
    expect(shown.tensors.find(({ name }) => name === 'blk.0.ffn_up.weight')?.type).toBe('Q4_0');
  });
});

describe('starling run', () => {
  it('answers a prompt on stdout alone', async () => {
    const { code, stdout } = await starling(['run', demoModel, 'What is 12 + 7?', '--temperature', '0']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/19.*\n$/);
  });

  it('talks, line by line, with a memory', async () => {
    const { code, stdout } = await starling(['run', demoModel, '--temperature', '0'], { input: 'My name is Anna.\nWhat is my name?\n/exit\n' });
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n').at(-1)).toContain('Anna');
  });
});

describe('starling bench', () => {
  it('prints its figures as JSON', async () => {
    const { code, stdout } = await starling(['bench', '-m', demoModel, '-t', '2', '-p', '32', '-n', '8', '-r', '1', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      model: demoModel,
      threads: 2,
      prompt_tokens: 32,
      gen_tokens: 8,
      prompt_tps: expect.any(Number),
      decode_tps: expect.any(Number),
      load_ms: expect.any(Number),
      weights_bytes: expect.any(Number),
    });
  });
});

describe('starling list, pull and rm', () => {
  it('know an empty cache folder and names that are not in it', async () => {
    expect(await starling(['list'], { environment })).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await starling(['rm', 'nothing'], { environment })).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing') });
    expect(await starling(['pull', 'no-url'], { environment })).toMatchObject({ code: 1, stderr: expect.stringContaining('hf:OWNER/REPO') });
  });
});

describeWithFixtures('starling logits and perplexity', () => {
  const model = fixturePath('real', 'stories260K-f32.gguf');

  it('write the logits of every position as the reference has them', async () => {
    const { tokens } = readJsonFixture<{ tokens: number[] }>('real', 'stories260K-f32.logits.json');
    fs.writeFileSync(inScratch('tokens'), tokens.join('\n'));
    expect(await starling(['logits', '-m', model, '--tokens', `@${inScratch('tokens')}`, '--out', inScratch('logits.f32')])).toEqual({ code: 0, stdout: '', stderr: '' });
    const bytes = fs.readFileSync(inScratch('logits.f32'));
    const logits = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    expect(relativeRms(logits, readFloatFixture('real', 'stories260K-f32.logits.f32'))).toBeLessThan(1e-5);
  });

  it('refuse tokens that are not in the vocabulary', async () => {
    expect(await starling(['logits', '-m', model, '--tokens', '1,512', '--out', inScratch('x')])).toMatchObject({ code: 2, stderr: expect.stringContaining('512') });
  });
});
