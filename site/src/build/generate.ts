import fs from 'node:fs';
import path from 'node:path';
import { exampleModule, RUNNABLE } from './readme-example.js';
import { writeReference } from './reference.js';
import { rewriteDocument } from './rewrite-document.js';
import { folderOf, sitePages, type SitePage } from './site-pages.js';
import { writeVocabularies } from './vocabularies.js';

/** The repository. */
export const ROOT = path.resolve(import.meta.dirname, '../../..');

/** Where generated pages and examples lie: no part of the repository. */
export const GENERATED = path.join(ROOT, 'tmp/site');

/** Libraries whose page has something to try. */
const HAS_EXAMPLE = new Set<string>([
  ...RUNNABLE,
  'chat',
  'gguf',
  'grammar',
  'jinja',
  'kvcache',
  'models',
  'sampler',
  'scheduler',
  'server',
  'testing',
  'tokenizer',
]);

/** Writes all pages anew. */
export async function generateAll(): Promise<void> {
  fs.rmSync(GENERATED, { recursive: true, force: true });
  const pages = path.join(GENERATED, 'pages');
  fs.cpSync(path.join(ROOT, 'site/pages'), pages, { recursive: true });
  writeDocuments();
  await writeVocabularies(ROOT, path.join(GENERATED, 'public/vocabularies'));
  await writeReference(ROOT, pages);
}

/** Writes the pages of documents, and the modules of READMEs' examples: what may change while one writes. */
export function writeDocuments(): void {
  const pages = sitePages(ROOT);
  const read = (file: string): string => fs.readFileSync(path.join(ROOT, file), 'utf8');
  const write = (file: string, text: string): void => {
    const whole = path.join(GENERATED, file);
    if (fs.existsSync(whole) && fs.readFileSync(whole, 'utf8') === text) return;
    fs.mkdirSync(path.dirname(whole), { recursive: true });
    fs.writeFileSync(whole, text);
  };
  for (const page of pages) {
    const text = rewriteDocument(read(page.source), { source: page.source, root: ROOT, pages });
    write(`pages/${page.route}.md`, page.section === 'libraries' ? libraryPage(page, text) : text);
  }
  const home = read('site/pages/index.md');
  const readme = rewriteDocument(read('README.md'), { source: 'README.md', root: ROOT, pages });
  write('pages/index.md', home + readme.replace(/^# .+\n/, ''));
  for (const library of RUNNABLE) {
    const module = exampleModule(read(`${folderOf(library)}/README.md`));
    if (module !== undefined) write(`examples/${library}.ts`, module);
  }
}

/** A library's README, with an example to try before its first block of code. */
function libraryPage({ route }: SitePage, text: string): string {
  const library = path.basename(route);
  if (!HAS_EXAMPLE.has(library)) return text;
  const at = text.search(/^```/m);
  return `${text.slice(0, at)}<LiveExample library="${library}" />\n\n${text.slice(at)}`;
}
