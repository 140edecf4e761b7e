import nx from '@nx/eslint-plugin';
import * as jsonc from 'jsonc-eslint-parser';
import tseslint from 'typescript-eslint';
import { libraryImports } from './tools/checks/library-imports.mjs';

const allowed = (name) => ({
  sourceTag: `lib:${name}`,
  onlyDependOnLibsWithTags: [`lib:${name}`, ...libraryImports[name].map((dependency) => `lib:${dependency}`)],
});

const bareError = {
  selector:
    'NewExpression[callee.name="Error"], CallExpression[callee.name="Error"], ClassDeclaration[superClass.name="Error"]',
  message:
    'Use StarlingError of @starling/core: a stable code, and a message that says what was wrong, where, and what to do.',
};

const OPENTELEMETRY = ['api', 'core', 'exporter-trace-otlp-http', 'resources', 'sdk-trace'].map(
  (name) => `@opentelemetry/${name}`,
);

export default tseslint.config(
  {
    ignores: [
      '**/node_modules',
      '**/dist',
      '**/build',
      '**/coverage',
      '**/.temp',
      'tmp',
      '.nx',
      'tools/checks/fixtures',
      'tools/demo-model',
    ],
  },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    plugins: { '@nx': nx },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { arguments: false, attributes: false } },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/ban-ts-comment': [
        'error',
        { 'ts-expect-error': true, 'ts-ignore': true, 'ts-nocheck': true },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-syntax': ['error', bareError],
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          allowCircularSelfDependency: true,
          // A library's heavy entry (`@starling/telemetry/tracing`) may be loaded late where its others are not.
          checkDynamicDependenciesExceptions: ['@starling/**'],
          // Golden data, other servers and waits for tests: used by specs alone, from outside of every project.
          allow: [
            '^[./]+/tools/(fixtures/(fixtures|haproxy|redis)|jest/(until|collected)|bench/hostile/requests)\\.js$',
          ],
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
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['node:*'], message: 'Node API belongs in *.node.ts files, behind the ./node subpath.' },
            { group: ['hono', 'valibot'], message: 'hono and valibot live in the app alone.' },
          ],
        },
      ],
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
    // What the manifest names is imported, what is imported is named: tests, benchmarks and test support have the root's.
    files: ['libs/*/package.json', 'apps/server/package.json'],
    plugins: { '@nx': nx },
    languageOptions: { parser: jsonc },
    rules: {
      '@nx/dependency-checks': [
        'error',
        {
          buildTargets: ['build'],
          ignoredFiles: [
            '{projectRoot}/**/*.spec.ts',
            '{projectRoot}/**/*.contract.ts',
            '{projectRoot}/**/*.test-support.ts',
            '{projectRoot}/{test,bench}/**/*',
            '{projectRoot}/jest.config.js',
          ],
        },
      ],
    },
  },
  {
    // The SDK whose provider it is: its readers import it, it does not.
    files: ['libs/ai-provider/package.json'],
    rules: {
      '@nx/dependency-checks': [
        'error',
        {
          buildTargets: ['build'],
          ignoredDependencies: ['ai'],
          ignoredFiles: [
            '{projectRoot}/**/*.spec.ts',
            '{projectRoot}/**/*.test-support.ts',
            '{projectRoot}/jest.config.js',
          ],
        },
      ],
    },
  },
  {
    // What `@starling/telemetry/tracing` needs beside it is installed by whoever traces: the server does.
    files: ['apps/server/package.json'],
    rules: {
      '@nx/dependency-checks': [
        'error',
        {
          buildTargets: ['build'],
          ignoredDependencies: OPENTELEMETRY,
          ignoredFiles: [
            '{projectRoot}/**/*.spec.ts',
            '{projectRoot}/**/*.test-support.ts',
            '{projectRoot}/test/**/*',
            '{projectRoot}/jest.config.js',
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly', fetch: 'readonly' } },
    rules: { '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }] },
  },
);
