import { referenceEntries } from './reference-entries.js';
import { sitePages, type Section, type SitePage } from './site-pages.js';

interface Item {
  readonly text: string;
  readonly link: string;
}

/** A heading of the sidebar and what stands under it. */
export interface Group {
  readonly text: string;
  readonly items: Item[];
}

export const PLAYGROUNDS: Item[] = [
  { text: 'Tokenizer', link: '/playgrounds/tokenizer' },
  { text: 'Grammar', link: '/playgrounds/grammar' },
  { text: 'GGUF inspector', link: '/playgrounds/gguf' },
];

/** The sidebar, the same on all pages. */
export function sidebarOf(root: string): Group[] {
  const pages = sitePages(root);
  const group = (text: string, section: Section, of: (page: SitePage) => string = ({ title }) => title): Group => ({
    text,
    items: pages.filter((page) => page.section === section).map((page) => ({ text: of(page), link: `/${page.route}` })),
  });
  return [
    { text: 'Playgrounds', items: PLAYGROUNDS },
    group('Use', 'use'),
    group('Operate', 'operate'),
    group('Libraries', 'libraries', ({ route }) => `@starling/${route.slice('libraries/'.length)}`),
    group('Work on it', 'work'),
    {
      text: 'Reference',
      items: referenceEntries(root).map(({ name, route }) => ({
        text: name.slice('@starling/'.length),
        link: `/${route}`,
      })),
    },
  ];
}
