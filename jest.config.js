export default {
  projects: ['<rootDir>/libs/*', '<rootDir>/apps/*', '<rootDir>/tools'],
  collectCoverageFrom: ['**/src/**/*.ts', '!**/*.spec.ts', '!**/*.contract.ts', '!**/index.ts', '!**/index.node.ts'],
};
