import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { binOf, root } from '../run.mjs';

/** The ids of the rules that ESLint reports for a text, as if it stood in the named file of this workspace. */
function brokenRules(file: string, text: string): string[] {
  const run = spawnSync(process.execPath, [binOf('eslint'), '--stdin', '--stdin-filename', file, '--format', 'json'], {
    cwd: root,
    input: text,
    encoding: 'utf8',
    env: { ...process.env, NX_DAEMON: 'false', NODE_OPTIONS: '' },
  });
  const [{ messages }] = JSON.parse(run.stdout) as [{ messages: { ruleId: string }[] }];
  return messages.map((message) => message.ruleId);
}

const inCore = path.join('libs', 'core', 'src', 'clock.ts');
const inSampler = path.join('libs', 'sampler', 'src', 'index.ts');

describe('lint', () => {
  it.each([
    ['an import against the arrows', inCore, "export { openGguf } from '@starling/gguf';\n", '@nx/enforce-module-boundaries'],
    ['an import that the table does not allow', inSampler, "export { openGguf } from '@starling/gguf';\n", '@nx/enforce-module-boundaries'],
    ['a reach into the sources of another library', inSampler, "export { assert } from '../../core/src/error.js';\n", '@nx/enforce-module-boundaries'],
    ['a bare Error', inCore, "throw new Error('no');\n", 'no-restricted-syntax'],
    ['Node API outside *.node.ts', inCore, "export { readFileSync } from 'node:fs';\n", 'no-restricted-imports'],
    ['the any type', inCore, 'export const x: any = 1;\n', '@typescript-eslint/no-explicit-any'],
    ['a promise that nobody awaits', inCore, 'const f = async () => 1;\nf();\n', '@typescript-eslint/no-floating-promises'],
  ])('refuses %s', (_, file, text, rule) => {
    expect(brokenRules(file, text)).toContain(rule);
  });

  it('lets an allowed import pass', () => {
    expect(brokenRules(inSampler, "export { assert } from '@starling/core';\n")).toEqual([]);
  });
});
