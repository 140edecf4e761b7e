import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { TransformContext } from 'vitepress';

/**
 * Puts the scripts that stand in a page into files beside it: a content policy that lets a page run nothing but files of its own host has no exception
 * to make. They stay where they were, so what they do before the page is shown is done then.
 */
export function scriptsApart(html: string, _file: string, { siteConfig }: TransformContext): string {
  return html.replace(/<script id="([\w-]+)">([\s\S]*?)<\/script>/g, (_, id: string, code: string) => {
    const name = `${siteConfig.assetsDir}/${id}.${createHash('sha256').update(code).digest('hex').slice(0, 8)}.js`;
    const file = path.join(siteConfig.outDir, name);
    if (!fs.existsSync(file)) {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, code);
    }
    return `<script src="${siteConfig.site.base}${name}"></script>`;
  });
}
