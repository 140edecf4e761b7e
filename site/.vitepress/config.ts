import path from 'node:path';
import { defineConfig } from 'vitepress';
import { codeClasses, codeTheme } from '../src/build/code-colours.js';
import { scriptsApart } from '../src/build/scripts-apart.js';
import { PLAYGROUNDS, sidebarOf } from '../src/build/sidebar.js';

const site = path.resolve(import.meta.dirname, '..');
const root = path.resolve(site, '..');
const generated = path.join(root, 'tmp/site');

/** All that pages need lies beside them: no font, script or search of another host. */
export default defineConfig({
  title: 'Starling',
  description: 'An LLM server, and the libraries it is made of, in pure TypeScript',
  lang: 'en',
  srcDir: path.join(generated, 'pages'),
  cacheDir: path.join(generated, 'cache'),
  // Its default makes a style element, which a content policy would have to allow.
  appearance: { disableTransition: false },
  // What pages name is told by their hashes in a file of its own: no page has a script of its own.
  metaChunk: true,
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: {
    theme: codeTheme,
    codeTransformers: [codeClasses],
  },
  transformHtml: scriptsApart,
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Start', link: '/guide/getting-started' },
      { text: 'Playgrounds', items: PLAYGROUNDS },
      { text: 'Architecture', link: '/guide/architecture' },
    ],
    sidebar: sidebarOf(root),
    outline: { level: [2, 3] },
  },
  vite: {
    publicDir: path.join(generated, 'public'),
    resolve: {
      conditions: ['@starling/source'],
      alias: { '@site': path.join(site, 'src'), '@examples': path.join(generated, 'examples') },
    },
    server: { fs: { allow: [root] } },
    // The index of the search, and the engine of its example: each is loaded when it is asked for.
    build: {
      target: 'es2022',
      chunkSizeWarningLimit: 2000,
      rollupOptions: {
        // Packages of others may mark calls in words that Rollup does not read: it leaves them as they are.
        onwarn: (warning, warn) =>
          void (
            (warning.code === 'INVALID_ANNOTATION' && warning.id?.includes('/node_modules/') === true) ||
            warn(warning)
          ),
      },
    },
  },
});
