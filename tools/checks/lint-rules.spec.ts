import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from '../run.mjs';

const inCore = path.join('libs', 'core', 'src', 'clock.ts');
const inSampler = path.join('libs', 'sampler', 'src', 'index.ts');

/** What lint has to say of a text in a file: the rule that it breaks, or nothing. */
const cases: [name: string, file: string, text: string, rule: string | undefined][] = [
  [
    'an import against the arrows',
    inCore,
    "export { openGguf } from '@starling/gguf';\n",
    '@nx/enforce-module-boundaries',
  ],
  [
    'an import that the table does not allow',
    inSampler,
    "export { openGguf } from '@starling/gguf';\n",
    '@nx/enforce-module-boundaries',
  ],
  [
    'a reach into the sources of another library',
    inSampler,
    "export { assert } from '../../core/src/error.js';\n",
    '@nx/enforce-module-boundaries',
  ],
  ['a bare Error', inCore, "throw new Error('no');\n", 'no-restricted-syntax'],
  ['Node API outside *.node.ts', inCore, "export { readFileSync } from 'node:fs';\n", 'no-restricted-imports'],
  ['the any type', inCore, 'export const x: any = 1;\n', '@typescript-eslint/no-explicit-any'],
  [
    'a promise that nobody awaits',
    inCore,
    'const f = async () => 1;\nf();\n',
    '@typescript-eslint/no-floating-promises',
  ],
  ['an allowed import', inSampler, "export { assert } from '@starling/core';\n", undefined],
];

describe('lint', () => {
  let rules: string[][];

  beforeAll(() => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lint-'));
    const out = path.join(folder, 'rules.json');
    execFileSync(process.execPath, [path.join(root, 'tools/checks/lint-texts.mjs'), out], {
      cwd: root,
      input: JSON.stringify(cases.map(([, file, text]) => ({ file, text }))),
      env: { ...process.env, NX_DAEMON: 'false', NODE_OPTIONS: '' },
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    rules = JSON.parse(fs.readFileSync(out, 'utf8')) as string[][];
    fs.rmSync(folder, { recursive: true });
  }, 300_000);

  it.each(
    cases.map(([name, , , rule], index) => [rule === undefined ? 'lets pass' : 'refuses', name, rule, index] as const),
  )('%s %s', (_, __, rule, index) => {
    if (rule === undefined) expect(rules[index]).toEqual([]);
    else expect(rules[index]).toContain(rule);
  });
});
