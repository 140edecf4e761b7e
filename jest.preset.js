/** Shared Jest settings: ES modules through ts-jest, workspace libraries taken from their sources. */
export default {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@starling/source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/**/*.spec.ts'],
  modulePathIgnorePatterns: ['/dist/'],
  moduleNameMapper: {
    '^fast-check$': `${import.meta.dirname}/tools/jest/fast-check.mjs`,
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      `${import.meta.dirname}/tools/jest/ts-transformer.mjs`,
      { useESM: true, diagnostics: false, tsconfig: `${import.meta.dirname}/tsconfig.jest.json` },
    ],
  },
  testTimeout: 180_000,
};
