import { Hono } from 'hono';
import type { AppEnv } from '../context.js';
import { DOCS_STYLE } from '../openapi/docs-style.js';
import { docsPage } from '../openapi/docs-page.js';
import { openApiDocument } from '../openapi/document.js';
import { pageFile, SITE_PATH } from '../page-files.js';
import type { AppParts, PageFile } from '../parts.js';
import { PAGE_HEADERS, sendPageFile } from './page.js';

/**
 * Its pages are made beforehand: what they run is theirs, some elements have a style of their own, and examples compile kernels of WebAssembly that
 * they make. They have no text of anybody else's.
 */
const SITE_HEADERS = {
  ...PAGE_HEADERS,
  'content-security-policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/** What the API is: `GET /openapi.json` for programs, `GET /docs` for people; both are made when they are first asked for. Below it the site of the documents, where there is one. */
export function documentRoutes({ version, site }: Pick<AppParts, 'version' | 'site'>): Hono<AppEnv> {
  const made = new Map<string, PageFile>();
  const file = (type: string, make: () => string): PageFile => {
    const known = made.get(type) ?? pageFile(type, new TextEncoder().encode(make()));
    made.set(type, known);
    return known;
  };
  const app = new Hono<AppEnv>()
    .get('/openapi.json', (c) =>
      sendPageFile(
        c,
        file('application/json', () => JSON.stringify(openApiDocument(version))),
      ),
    )
    .get('/docs', (c) =>
      sendPageFile(
        c,
        file('text/html; charset=utf-8', () => docsPage(openApiDocument(version), { hasSite: site.size > 0 })),
      ),
    )
    .get('/docs/style.css', (c) =>
      sendPageFile(
        c,
        file('text/css; charset=utf-8', () => DOCS_STYLE),
      ),
    );
  if (site.size === 0) return app;
  return app
    .get(SITE_PATH.slice(0, -1), (c) => c.redirect(SITE_PATH))
    .get(`${SITE_PATH}*`, async (c) => {
      const read = site.get(c.req.path);
      return read === undefined ? c.notFound() : sendPageFile(c, await read(), SITE_HEADERS);
    });
}
