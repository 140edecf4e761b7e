/** Who may import whom: the one table behind the lint rule, the checks and ARCHITECTURE.md. Arrows go one way. */
export const libraryImports = {
  core: [],
  tokenizer: ['core'],
  gguf: ['core'],
  grammar: ['core'],
  telemetry: ['core'],
  kvcache: ['core'],
  sampler: ['core', 'grammar'],
  kernels: ['core', 'gguf'],
  transformer: ['core', 'gguf', 'kernels', 'kvcache'],
  models: ['core', 'gguf'],
  chat: ['core', 'tokenizer'],
  scheduler: ['core', 'kvcache'],
  engine: ['core', 'tokenizer', 'gguf', 'grammar', 'kvcache', 'sampler', 'kernels', 'transformer', 'models', 'chat', 'scheduler'],
};
