import fs from 'node:fs';
import path from 'node:path';
import { StarlingError } from '@starling/core';
import type { SitePage } from './site-pages.js';

/**
 * A document of the repository as a page: links to other documents lead to their pages, also where a document is only named (`docs/api.md`). What is linked
 * and is no page, a source file, is told by its path: where the repository is read is no affair of the site's.
 * @throws StarlingError invalid_argument for a link to a file that does not exist
 */
export function rewriteDocument(
  text: string,
  { source, root, pages }: { readonly source: string; readonly root: string; readonly pages: readonly SitePage[] },
): string {
  const routeOf = (file: string): string | undefined =>
    pages.find((page) => page.source === file || path.posix.dirname(page.source) === file)?.route;
  return outsideOfFences(text, (prose) =>
    escapeBraces(prose)
      .replace(/\[([^\]]*)\]\(([^)\s]+)\)/g, (link, words: string, target: string) => {
        if (/^([a-z]+:|#|\/)/i.test(target)) return link;
        const [file, anchor] = target.split('#');
        const found = path.posix.join(path.posix.dirname(source), file).replace(/\/$/, '');
        if (!fs.existsSync(path.join(root, found)))
          throw new StarlingError(
            'invalid_argument',
            `${source}: the link to ${target} leads nowhere: there is no ${found}`,
          );
        const route = routeOf(found);
        return route === undefined
          ? `<span class="source-file" title="${found}">${words}</span>`
          : `[${words}](/${route}${anchor === undefined ? '' : `#${anchor}`})`;
      })
      .replace(
        /(?<![[`])`((?:docs\/[\w-]+|[A-Z]{4,}|libs\/\w+\/README|apps\/server\/README)\.md)`(?!`)/g,
        (code, file: string) => {
          const route = routeOf(file);
          return route === undefined || file === source ? code : `[${code}](/${route})`;
        },
      ),
  );
}

/** What the pages' template language would take for expressions is text. */
const escapeBraces = (prose: string): string =>
  prose.replace(/(`+)[^`]*\1|\{\{/g, (found) => (found === '{{' ? '&#123;&#123;' : found));

/** Changes all but code blocks. */
function outsideOfFences(text: string, change: (prose: string) => string): string {
  return text
    .split(/^(```[^\n]*\n[\s\S]*?^```[ \t]*$)/m)
    .map((part, i) => (i % 2 === 1 ? part : change(part)))
    .join('');
}
