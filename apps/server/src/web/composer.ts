import { byId } from './dom.js';

export interface ComposerActions {
  send(text: string): void;
  stop(): void;
}

/** Where messages are written. */
export class Composer {
  readonly #form = byId<HTMLFormElement>('composer');
  readonly #field = byId<HTMLTextAreaElement>('input');
  readonly #send = byId<HTMLButtonElement>('send');
  #isStreaming = false;

  constructor(actions: ComposerActions) {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#field.value.trim();
      if (this.#isStreaming) return actions.stop();
      if (text === '') return;
      this.#field.value = '';
      this.#update();
      actions.send(text);
    });
    this.#field.addEventListener('input', () => this.#update());
    this.#field.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      if (!this.#isStreaming) this.#form.requestSubmit();
    });
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.#isStreaming && !document.querySelector('dialog[open], :popover-open'))
        actions.stop();
    });
    this.#update();
  }

  /** Whether an answer comes in: the button stops it then. */
  set isStreaming(isStreaming: boolean) {
    this.#isStreaming = isStreaming;
    this.#form.classList.toggle('streaming', isStreaming);
    const label = isStreaming ? 'Stop' : 'Send';
    this.#send.setAttribute('aria-label', label);
    this.#send.title = isStreaming ? 'Stop (Esc)' : 'Send (Enter)';
    this.#update();
  }

  focus(): void {
    this.#field.focus();
  }

  #update(): void {
    this.#send.disabled = !this.#isStreaming && this.#field.value.trim() === '';
    this.#field.style.height = 'auto';
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }
}
