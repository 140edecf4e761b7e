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
  transformer: ['core', 'gguf', 'kernels', 'kvcache', 'scheduler'],
  models: ['core'],
  jinja: ['core'],
  chat: ['core', 'grammar', 'jinja'],
  scheduler: ['core', 'kvcache'],
  engine: ['core', 'tokenizer', 'gguf', 'grammar', 'kvcache', 'sampler', 'kernels', 'transformer', 'models', 'chat', 'scheduler'],
  // The server is an app that other programs may mount: for that it is a library too, whose entry is `apps/server/src/index.ts`.
  server: ['core', 'chat', 'engine', 'gguf', 'jinja', 'kernels', 'kvcache', 'models', 'sampler', 'telemetry', 'tokenizer', 'transformer', 'scheduler', 'grammar'],
  testing: ['engine', 'server'],
  'ai-provider': ['core', 'chat', 'engine'],
};
