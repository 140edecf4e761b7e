import { Hono } from 'hono';
import type { AppContext, AppEnv } from '../context.js';
import { ENGINE_PATH } from '../page-files.js';
import type { AppParts, PageFile } from '../parts.js';

/** A page may run its own script and talk to its own server: nothing else, nobody may frame it, and it may make no markup of texts. */
export const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

/** What runs in a page that shares memory with its workers must come from here, or say that it may be used. */
const ISOLATION = { 'cross-origin-embedder-policy': 'require-corp' };

/** The page may start the engine besides, as the one thing that its policy `starling-engine` lets through; kernels of WebAssembly are made in the engine alone. */
const PAGE_WITH_ENGINE_HEADERS = {
  ...PAGE_HEADERS,
  ...ISOLATION,
  'content-security-policy': PAGE_HEADERS['content-security-policy'].replace(
    "trusted-types 'none'",
    "trusted-types starling-engine; worker-src 'self'",
  ),
};

/** A worker has the policy of its own file: it compiles the kernels that it makes, and starts itself again for each thread. It has no document that texts could become markup in. */
const ENGINE_HEADERS = {
  ...PAGE_HEADERS,
  ...ISOLATION,
  'content-security-policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/** The chat page at `/` and its files under `/web/`. */
export function pageRoutes({ page, features }: Pick<AppParts, 'page' | 'features'>): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const headersOf = (path: string) =>
    !features.browserEngine ? PAGE_HEADERS : path === ENGINE_PATH ? ENGINE_HEADERS : PAGE_WITH_ENGINE_HEADERS;
  for (const [path, file] of page)
    app.get(path, (c) => (path === '/' && !isBrowser(c) ? sendGreeting(c) : sendPageFile(c, file, headersOf(path))));
  return app;
}

/** Programs that look whether anybody is there take anything; browsers ask for a page. */
const isBrowser = (c: AppContext): boolean => /text\/html|application\/xhtml/.test(c.req.header('accept') ?? '');

/** What Ollama's clients look for. */
const sendGreeting = (c: AppContext): Response =>
  c.body('Ollama is running', 200, { ...PAGE_HEADERS, vary: 'accept', 'content-type': 'text/plain; charset=utf-8' });

/** A file that people look at, unless the browser has it already. */
export function sendPageFile(
  c: AppContext,
  { contentType, bytes, etag }: PageFile,
  pageHeaders: Readonly<Record<string, string>> = PAGE_HEADERS,
): Response {
  const headers = { ...pageHeaders, ...(c.req.path === '/' && { vary: 'accept' }), etag };
  if (c.req.header('if-none-match') === etag) return c.body(null, 304, headers);
  return c.body(bytes, 200, { ...headers, 'content-type': contentType });
}
