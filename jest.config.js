export default {
  projects: ['<rootDir>/libs/*', '<rootDir>/apps/*', '<rootDir>/tools'],
  // Counts for all projects: those of a project alone are not read when several run together.
  testTimeout: 60_000,
  collectCoverageFrom: ['**/src/**/*.ts', '!**/*.spec.ts', '!**/*.contract.ts', '!**/index.ts', '!**/index.node.ts'],
};
