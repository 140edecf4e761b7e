import { anthropic } from './anthropic/dialect.js';
import type { Dialect } from './dialect.js';
import { llamaServer } from './llama-server/dialect.js';
import { native } from './native/dialect.js';
import { ollama } from './ollama/dialect.js';
import { openai } from './openai/dialect.js';

/** Every API that is spoken. */
export const DIALECTS: readonly Dialect[] = [native, openai, anthropic, ollama, llamaServer];

const routes = DIALECTS.flatMap((dialect) =>
  dialect.endpoints.flatMap(({ paths }) => paths.map((path) => [path, dialect] as const)),
);
const byPath = new Map(routes);
const withParameters = routes.flatMap(([path, dialect]) =>
  path.includes(':') ? [{ pattern: new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`), dialect }] : [],
);

/** The API that a path belongs to, also where no route takes it: its clients read the error. */
export function dialectOf(path: string): Dialect {
  return (
    byPath.get(path) ??
    withParameters.find(({ pattern }) => pattern.test(path))?.dialect ??
    DIALECTS.find(({ prefixes = [] }) => prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`))) ??
    native
  );
}
