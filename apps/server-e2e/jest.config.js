import path from 'node:path';
import preset from '../../jest.preset.js';

const examples = path.resolve(import.meta.dirname, '../../examples');

export default {
  ...preset,
  displayName: 'server-e2e',
  rootDir: import.meta.dirname,
  // The examples of tests are tests: they run as those of a reader would.
  roots: ['<rootDir>', examples],
  testMatch: [...preset.testMatch, `${examples}/{jest,vitest}/*.test.js`],
  // Vitest has Jest's functions under Jest's names.
  moduleNameMapper: {
    ...preset.moduleNameMapper,
    '^vitest$': path.resolve(import.meta.dirname, '../../tools/jest/vitest.mjs'),
  },
};
