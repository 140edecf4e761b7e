import { FILE_LIMITS } from './conversation-file.js';
import { h } from './dom.js';

/** Hands a text to the browser as a file to save. */
export function saveFile(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  h('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Texts of files that the reader chooses; undefined for one that is too large to be what is looked for. */
export function chooseFiles(): Promise<readonly (string | undefined)[]> {
  return new Promise((resolve) => {
    const field = h('input', { type: 'file', accept: '.json,application/json', multiple: true });
    field.addEventListener('change', () =>
      resolve(
        Promise.all([...(field.files ?? [])].map((file) => (file.size > FILE_LIMITS.bytes ? undefined : file.text()))),
      ),
    );
    field.addEventListener('cancel', () => resolve([]));
    field.click();
  });
}

/** A name for a file, of what a conversation is called. */
export const fileName = (title: string): string =>
  `${
    title
      .replace(/[^\p{L}\p{N}]+/gu, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 60) || 'conversation'
  }.json`;
