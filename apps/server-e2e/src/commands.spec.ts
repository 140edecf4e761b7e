import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot, starling } from './support/starling-process.js';

const demoModel = path.join(repositoryRoot, 'apps/server/models/starling-demo-q8_0.gguf');

describe('the starling command as a process', () => {
  it('keeps results and messages apart, and ends with 0, 1 or 2', async () => {
    expect(await starling(['--version'])).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    });
    expect(await starling(['inspect', 'no-such-file'])).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^starling: [^\n]*no-such-file[^\n]*\n$/),
    });
    expect(await starling(['nonsense'])).toMatchObject({ code: 2, stdout: '' });
  });

  it('works in a pipe', async () => {
    const texts = Array.from({ length: 5000 }, (_, i) => `Line ${i}: Grüße, 世界 🦊`);
    const { code, stdout } = await starling(['tokenize', '-m', demoModel], { input: texts.join('\n') });
    expect(code).toBe(0);
    const back = await starling(['detokenize', '-m', demoModel], { input: stdout });
    expect(
      back.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as string),
    ).toEqual(texts);
  });

  it('does not complain when the reader of a pipe leaves early', async () => {
    const script = `yes "some words to tokenize" | head -20000 | "${process.execPath}" tools/starling.mjs tokenize -m "${demoModel}" | head -1`;
    const { stdout, stderr } = await promisify(execFile)('sh', ['-c', script], {
      cwd: repositoryRoot,
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    expect(stdout).toMatch(/^\[\d+(,\d+)*\]\n$/);
    expect(stderr).toBe('');
  });

  it('answers a prompt, and talks to a pipe', async () => {
    expect(await starling(['run', demoModel, 'What is 12 + 7?', '--temperature', '0'])).toEqual({
      code: 0,
      stdout: '12 + 7 = 19.\n',
      stderr: '',
    });
    const chat = await starling(['run', demoModel, '--temperature', '0'], { input: 'What is 12 + 7?\n/exit\n' });
    expect(chat).toEqual({ code: 0, stdout: '12 + 7 = 19.\n', stderr: '' });
  });
});
