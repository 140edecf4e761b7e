import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';
import { libraryImports } from './tools/checks/library-imports.mjs';

const allowed = (name) => ({ sourceTag: `lib:${name}`, onlyDependOnLibsWithTags: [`lib:${name}`, ...libraryImports[name].map((dependency) => `lib:${dependency}`)] });

const bareError = {
  selector: 'NewExpression[callee.name="Error"], CallExpression[callee.name="Error"], ClassDeclaration[superClass.name="Error"]',
  message: 'Use StarlingError of @starling/core: a stable code, and a message that says what was wrong, where, and what to do.',
};

export default tseslint.config(
  { ignores: ['**/node_modules', '**/dist', '**/build', '**/coverage', 'tmp', '.nx', 'tools/checks/fixtures', 'tools/demo-model'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    plugins: { '@nx': nx },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false, attributes: false } }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': true, 'ts-ignore': true, 'ts-nocheck': true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-syntax': ['error', bareError],
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          allowCircularSelfDependency: true,
          // Golden data for tests: read by specs alone, from outside of every project.
          allow: ['^[./]+/tools/fixtures/fixtures\\.js$'],
          depConstraints: [
            ...Object.keys(libraryImports).map(allowed),
            { sourceTag: 'type:lib', onlyDependOnLibsWithTags: ['type:lib'] },
            { sourceTag: 'type:app', onlyDependOnLibsWithTags: ['type:lib'] },
            { sourceTag: 'type:e2e', onlyDependOnLibsWithTags: ['type:lib'] },
          ],
        },
      ],
    },
  },
  {
    files: ['libs/*/src/**/*.ts'],
    ignores: ['**/*.node.ts', '**/*.spec.ts', '**/*.contract.ts', '**/*.test-support.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ group: ['node:*'], message: 'Node API belongs in *.node.ts files, behind the ./node subpath.' }, { group: ['hono', 'valibot'], message: 'hono and valibot live in the app alone.' }] }],
      'no-restricted-globals': ['error', 'process', 'Buffer', '__dirname', '__filename', 'require', 'setImmediate'],
      'no-console': 'error',
    },
  },
  {
    // Tests throw what a broken caller might; the error class itself has to extend Error.
    files: ['**/*.spec.ts', '**/*.contract.ts', 'libs/core/src/error.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly', fetch: 'readonly' } },
    rules: { '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }] },
  },
);
