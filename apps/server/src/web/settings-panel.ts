import type { ServedModel } from './api.js';
import { pastedSchema, pastedTools, type ChatSettings, type Pasted } from './chat-settings.js';
import { byId, h } from './dom.js';
import { count } from './figures.js';
import { keptForTab, keptOnDevice } from './kept.js';

/** Fields of the form by the setting that they show. */
const NUMBERS = {
  temperature: 'temperature',
  topK: 'top-k',
  topP: 'top-p',
  minP: 'min-p',
  repeatPenalty: 'repeat-penalty',
  presencePenalty: 'presence-penalty',
  frequencyPenalty: 'frequency-penalty',
  maxTokens: 'max-tokens',
  seed: 'seed',
} as const;
const TEXTS = { system: 'system', stop: 'stop', reasoning: 'reasoning', schema: 'schema', tools: 'tools' } as const;

const LAST_SETTINGS = 'starling.settings';
const THEME = 'starling.theme';
const API_KEY = 'starling.api-key';

export interface SettingsListener {
  /** Settings of the conversation were changed. */
  changed(settings: ChatSettings): void;
  /** Another API key, or none. */
  keyChanged(): void;
}

/**
 * How answers are asked for: a form beside the conversation. A new conversation begins with the settings that were used last. The API key
 * lasts as long as the tab, and is written nowhere else.
 */
export class SettingsPanel {
  readonly #dialog = byId<HTMLDialogElement>('settings');
  readonly #model = byId<HTMLSelectElement>('model');
  readonly #listener: SettingsListener;
  #settings: ChatSettings = keptOnDevice.read<ChatSettings>(LAST_SETTINGS) ?? {};

  constructor(listener: SettingsListener) {
    this.#listener = listener;
    byId('settings-open').addEventListener('click', () => this.#dialog.showModal());
    for (const close of this.#dialog.querySelectorAll('[data-close]'))
      close.addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('click', (event) => void (event.target === this.#dialog && this.#dialog.close()));
    byId('settings-form').addEventListener('change', () => this.#read());
    this.#model.addEventListener('change', () => this.#read());
    byId('reset').addEventListener('click', () => this.#set({ model: this.#settings.model }));
    const key = byId<HTMLInputElement>('api-key');
    key.value = this.apiKey;
    key.addEventListener('change', () => {
      keptForTab.write(API_KEY, key.value.trim());
      listener.keyChanged();
    });
    const theme = byId<HTMLSelectElement>('theme');
    theme.value = keptOnDevice.read<string>(THEME) ?? 'system';
    theme.addEventListener('change', () => this.#showTheme(theme.value));
    this.#showTheme(theme.value);
    this.show(this.#settings);
  }

  get apiKey(): string {
    return keptForTab.read<string>(API_KEY) ?? '';
  }

  get settings(): ChatSettings {
    return this.#settings;
  }

  /** Shows the settings of a conversation. */
  show(settings: ChatSettings): void {
    this.#settings = settings;
    for (const [name, id] of Object.entries(NUMBERS))
      byId<HTMLInputElement>(id).value = String(settings[name as keyof typeof NUMBERS] ?? '');
    for (const [name, id] of Object.entries(TEXTS))
      byId<HTMLInputElement>(id).value = settings[name as keyof typeof TEXTS] ?? '';
    byId<HTMLInputElement>('chances').checked = settings.showsChances === true;
    byId<HTMLInputElement>('in-tab').checked = settings.isInTab === true;
    this.#showModel();
    this.#showProblems();
  }

  /** The models that can be chosen. Where it serves one, that one's name stands there. */
  showModels(models: readonly ServedModel[]): void {
    const options = models.map(({ id, state, quantization, context_length: context }) => {
      const facts = [quantization, context && `${count(context)} tokens`, state !== 'ready' && state]
        .filter(Boolean)
        .join(', ');
      return h('option', { value: id, title: facts }, id);
    });
    this.#model.replaceChildren(...options);
    this.#model.hidden = models.length === 0;
    this.#model.disabled = models.length < 2;
    byId('in-tab-line').hidden = !models.some(({ file_url: file }) => file !== undefined);
    this.#showModel();
  }

  #showModel(): void {
    const { model } = this.#settings;
    const options = [...this.#model.options];
    this.#model.value = options.some(({ value }) => value === model) ? model! : (options[0]?.value ?? '');
    this.#model.title = this.#model.selectedOptions[0]?.title
      ? `${this.#model.value} (${this.#model.selectedOptions[0].title})`
      : this.#model.value;
  }

  #read(): void {
    const values: Record<string, unknown> = {};
    for (const [name, id] of Object.entries(NUMBERS)) {
      const field = byId<HTMLInputElement>(id);
      if (field.value !== '' && field.validity.valid) values[name] = field.valueAsNumber;
    }
    for (const [name, id] of Object.entries(TEXTS)) {
      const { value } = byId<HTMLInputElement>(id);
      if (value.trim() !== '') values[name] = value;
    }
    if (byId<HTMLInputElement>('chances').checked) values.showsChances = true;
    if (byId<HTMLInputElement>('in-tab').checked) values.isInTab = true;
    this.#set({ ...values, ...(this.#model.options.length > 1 && { model: this.#model.value }) });
  }

  #set(settings: ChatSettings): void {
    keptOnDevice.write(LAST_SETTINGS, settings);
    this.show(settings);
    this.#listener.changed(settings);
  }

  #showProblems(): void {
    const tell = (id: string, pasted: Pasted<unknown>): void => {
      const note = byId(`${id}-problem`);
      note.textContent = pasted.kind === 'wrong' ? pasted.why : '';
      byId(id).setAttribute('aria-invalid', String(pasted.kind === 'wrong'));
    };
    tell('schema', pastedSchema(this.#settings.schema));
    tell('tools', pastedTools(this.#settings.tools));
  }

  #showTheme(theme: string): void {
    keptOnDevice.write(THEME, theme);
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  }
}
