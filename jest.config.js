export default {
  projects: ['<rootDir>/libs/*', '<rootDir>/apps/*', '<rootDir>/site', '<rootDir>/tools'],
  // Counts for all projects: those of a project alone are not read when several run together.
  testTimeout: 180_000,
  // Modules that tests import stay in memory to the end of their process (Node's vm does not let them go): a process that ran all files
  // would spend most of its time on collecting garbage. So tests run in workers, which start anew when they have grown.
  workerIdleMemoryLimit: '1500MB',
  collectCoverageFrom: ['**/src/**/*.ts', '!**/*.spec.ts', '!**/*.contract.ts', '!**/index.ts', '!**/index.node.ts'],
};
