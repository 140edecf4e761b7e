import { Hono } from 'hono';
import type { AppEnv } from '../context.js';
import type { AppParts } from '../parts.js';

/** The page may run its own script and talk to its own server: nothing else, and nobody may frame it. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

/** The chat page at `/` and its files under `/web/`. */
export function pageRoutes({ page }: AppParts): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  for (const [path, { contentType, bytes, etag }] of page) {
    app.get(path, (c) => {
      if (c.req.header('if-none-match') === etag) return c.body(null, 304, { ...HEADERS, etag });
      return c.body(bytes, 200, { ...HEADERS, etag, 'content-type': contentType });
    });
  }
  return app;
}
