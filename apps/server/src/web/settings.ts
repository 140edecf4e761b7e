import type { Settings } from './api.js';

const FIELDS = ['system', 'temperature', 'max-tokens', 'api-key'] as const;

/** Joins the settings dialog to the page; gives a function that reads the settings as they stand. They last as long as the tab. */
export function connectSettings(onChange: () => void): () => Settings {
  const dialog = document.getElementById('settings') as HTMLDialogElement;
  const field = (name: (typeof FIELDS)[number]) => document.getElementById(name) as HTMLInputElement;
  for (const name of FIELDS) {
    field(name).value = sessionStorage.getItem(`starling.${name}`) ?? '';
    field(name).addEventListener('change', () => sessionStorage.setItem(`starling.${name}`, field(name).value));
  }
  document.getElementById('settings-open')?.addEventListener('click', () => dialog.showModal());
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener('close', onChange);
  const number = (name: (typeof FIELDS)[number]) => (field(name).value === '' || !field(name).validity.valid ? undefined : field(name).valueAsNumber);
  return () => ({
    system: field('system').value.trim(),
    temperature: number('temperature'),
    maxTokens: number('max-tokens'),
    apiKey: field('api-key').value.trim(),
  });
}
