export default {
  projects: ['<rootDir>/libs/*', '<rootDir>/apps/*', '<rootDir>/site', '<rootDir>/tools'],
  // Counts for all projects: those of a project alone are not read when several run together.
  testTimeout: 180_000,
  collectCoverageFrom: ['**/src/**/*.ts', '!**/*.spec.ts', '!**/*.contract.ts', '!**/index.ts', '!**/index.node.ts'],
};
