import preset from '../../jest.preset.js';

export default {
  ...preset,
  displayName: 'packages',
  rootDir: import.meta.dirname,
  testMatch: ['<rootDir>/*.spec.ts'],
  testTimeout: 300_000,
};
