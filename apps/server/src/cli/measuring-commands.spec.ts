import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { golden, readFloats, readJson, relativeRms } from '../../../../tools/fixtures/fixtures.js';
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

describe('imatrix', () => {
  const text = () => {
    fs.writeFileSync(inScratch('imatrix-text'), 'Which columns of a matrix matter is seen from a text. '.repeat(12));
    return inScratch('imatrix-text');
  };
  const chunks = ['-c', '32', '--chunks', '1', '-t', '1'];

  it('writes what quantize reads, goes on from what is there, and replaces nothing unasked', async () => {
    const [first, both, small] = ['a.imatrix', 'both.imatrix', 'weighed.gguf'].map(inScratch);
    const compute = ['imatrix', '-m', demoModel, '-f', text(), ...chunks];
    expect(await run([...compute, '-o', first])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/: 42 tensors over 1 chunks\n$/),
    });
    expect((await run([...compute, '-o', first])).stderr).toContain('replace it with --force');
    expect(await run([...compute, '--from-chunk', '1', '--in-file', first, '-o', both])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('over 2 chunks'),
    });
    const quantize = ['quantize', demoModel, small, 'Q4_0', '--allow-requantize', '-t', '1'];
    expect(await run([...quantize, '--imatrix', both])).toMatchObject({ code: 0 });
    const { stdout } = await run(['inspect', small, '--json']);
    expect(stdout).toContain('"quantize.imatrix.chunks_count"');
    expect((await run([...quantize, '--force', '--imatrix', demoModel])).stderr).toContain('no importance matrix');
    expect((await run([...compute.slice(0, -6), '-c', '4096', '-o', 'x'])).stderr).toContain('no whole chunk of 4096');
  });

  it('refuses an output that cannot be written before it computes anything, as quantize does', async () => {
    const lost = inScratch(path.join('no-such-folder', 'a.imatrix'));
    const folder = inScratch('a-folder');
    fs.mkdirSync(folder);
    // With a text that is too short for the work, so that what is refused first is seen.
    fs.writeFileSync(inScratch('short-text'), 'Too short.');
    for (const command of [
      ['imatrix', '-m', demoModel, '-f', inScratch('short-text'), '-o'],
      ['quantize', '--force', '--imatrix', inScratch('short-text'), demoModel],
    ]) {
      const rest = command[0] === 'quantize' ? ['Q4_0'] : [];
      expect((await run([...command, lost, ...rest])).stderr).toContain('there is no folder');
      expect((await run([...command, folder, ...rest])).stderr).toContain('this is a folder');
    }
  });
});

describe('logits and perplexity', () => {
  const name = path.join(golden.models, 'llama31-gqa-ropefreqs');
  const model = `${name}.gguf`;
  const floats = (file: string) => {
    const bytes = fs.readFileSync(file);
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  };

  it('agree with the reference at every position', async () => {
    const { tokens } = readJson<{ tokens: number[] }>(`${name}.json`);
    fs.writeFileSync(inScratch('tokens'), tokens.join('\n'));
    expect(
      await run(['logits', '-m', model, '--tokens', `@${inScratch('tokens')}`, '--out', inScratch('logits.f32')]),
    ).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(relativeRms(floats(inScratch('logits.f32')), readFloats(`${name}.logits.f32`))).toBeLessThan(1e-5);
  });

  it('agree with each other over a text', async () => {
    const text = 'Once upon a time there was a fox. The fox was red, and it was quick.';
    fs.writeFileSync(inScratch('text'), text);
    const [result] = jsonLines((await run(['perplexity', '-m', model, '-f', inScratch('text'), '--json'])).stdout) as {
      perplexity: number;
      tokens: number;
    }[];
    const [ids] = jsonLines((await run(['tokenize', '-m', model, '--add-special'], text)).stdout) as number[][];
    await run(['logits', '-m', model, '--tokens', ids.join(','), '--out', inScratch('logits.f32')]);
    const logits = floats(inScratch('logits.f32'));
    const vocabSize = logits.length / ids.length;
    const surprise = ids.slice(1).map((id, i) => {
      const row = Array.from(logits.subarray(i * vocabSize, (i + 1) * vocabSize));
      const max = Math.max(...row);
      return max + Math.log(row.reduce((sum, value) => sum + Math.exp(value - max), 0)) - row[id];
    });
    expect(result.tokens).toBe(surprise.length);
    expect(result.perplexity / Math.exp(surprise.reduce((sum, one) => sum + one, 0) / surprise.length)).toBeCloseTo(
      1,
      4,
    );
  });
});
