import type { Conversation } from './conversation.js';
import { button, byId, h } from './dom.js';

/** Waits so long after a key before everything is searched through. */
const SEARCH_DELAY_MS = 150;

export interface SidebarActions {
  open(id: string): void;
  rename(id: string, title: string): void;
  exportOne(id: string): void;
  remove(id: string): void;
  search(text: string): Promise<Set<string>>;
}

/** The list of conversations, and what can be done with each. On narrow windows it lies over the page. */
export class Sidebar {
  readonly #actions: SidebarActions;
  readonly #list = byId<HTMLUListElement>('conversations');
  readonly #menu = byId('conversation-menu');
  readonly #field = byId<HTMLInputElement>('search');
  readonly #none = byId('none-found');
  #all: readonly Conversation[] = [];
  #open: string | undefined;
  #busy: ReadonlySet<string> = new Set();
  /** Those that fit what is searched for. */
  #found: Set<string> | undefined;
  #timer = 0;
  /** Whose name is being changed: the list is not drawn anew under it. */
  #renamed: string | undefined;

  constructor(actions: SidebarActions) {
    this.#actions = actions;
    this.#field.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => void this.#search(), SEARCH_DELAY_MS);
    });
    byId('sidebar-open').addEventListener('click', () => this.toggle());
    byId('sidebar-shade').addEventListener('click', () => this.close());
    byId('sidebar').addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.#isOver) this.close();
    });
  }

  /** @param busy those in which an answer comes in */
  show(all: readonly Conversation[], open: string | undefined, busy: ReadonlySet<string>): void {
    this.#all = all;
    this.#open = open;
    this.#busy = busy;
    this.#draw();
  }

  toggle(): void {
    const isShown = this.#isOver
      ? document.body.classList.toggle('sidebar-over')
      : !document.body.classList.toggle('sidebar-hidden');
    byId('sidebar-open').setAttribute('aria-expanded', String(isShown));
    if (isShown) this.#field.focus();
  }

  /** Closes it where it lies over the page. */
  close(): void {
    if (!document.body.classList.contains('sidebar-over')) return;
    document.body.classList.remove('sidebar-over');
    byId('sidebar-open').setAttribute('aria-expanded', 'false');
    byId('sidebar-open').focus();
  }

  get #isOver(): boolean {
    return window.matchMedia('(max-width: 52rem)').matches;
  }

  async #search(): Promise<void> {
    const text = this.#field.value.trim();
    if (text === '') this.#found = undefined;
    else {
      const found = await this.#actions.search(text);
      if (this.#field.value.trim() !== text) return;
      for (const { id, title } of this.#all) if (title.toLowerCase().includes(text.toLowerCase())) found.add(id);
      this.#found = found;
    }
    this.#draw();
  }

  #draw(): void {
    if (this.#renamed !== undefined) return;
    const found = this.#found;
    const shown = found === undefined ? this.#all : this.#all.filter(({ id }) => found.has(id));
    this.#none.hidden = shown.length > 0;
    this.#none.textContent = found === undefined ? 'No conversations yet.' : 'Nothing found.';
    this.#list.replaceChildren(...shown.map((conversation) => this.#item(conversation)));
  }

  #item(conversation: Conversation): HTMLLIElement {
    const { id, title } = conversation;
    const isOpen = id === this.#open;
    const open = h(
      'button',
      {
        type: 'button',
        class: 'conversation',
        title,
        'data-id': id,
        ...(isOpen && { 'aria-current': 'page' }),
        onclick: () => this.#actions.open(id),
      },
      h('span', {}, title === '' ? 'Untitled' : title),
    );
    const more = button(`More for ${title}`, () => this.#showMenu(conversation, item, more), {
      icon: 'more',
      class: 'quiet more',
    });
    more.setAttribute('aria-haspopup', 'menu');
    const item = h('li', { class: this.#busy.has(id) ? 'busy' : '' }, open, more);
    return item;
  }

  #showMenu(conversation: Conversation, item: HTMLElement, opener: HTMLElement): void {
    const { id } = conversation;
    const entry = (label: string, action: () => void): HTMLButtonElement =>
      h(
        'button',
        {
          type: 'button',
          role: 'menuitem',
          onclick: () => {
            this.#menu.hidePopover();
            action();
          },
        },
        label,
      );
    this.#menu.replaceChildren(
      entry('Rename', () => this.#rename(conversation, item)),
      entry('Export', () => this.#actions.exportOne(id)),
      entry('Delete', () => this.#actions.remove(id)),
    );
    this.#menu.onkeydown = (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const entries = [...this.#menu.querySelectorAll('button')];
      entries[
        (entries.findIndex((one) => one === document.activeElement) + step + entries.length) % entries.length
      ].focus();
    };
    this.#menu.showPopover();
    const { bottom, top, right } = opener.getBoundingClientRect();
    const { offsetHeight, offsetWidth } = this.#menu;
    this.#menu.style.top = `${bottom + offsetHeight > innerHeight ? top - offsetHeight : bottom}px`;
    this.#menu.style.left = `${Math.max(8, Math.min(right, innerWidth - 8) - offsetWidth)}px`;
    this.#menu.querySelector('button')?.focus();
  }

  #rename({ id, title }: Conversation, item: HTMLElement): void {
    const field = h('input', { class: 'rename', 'aria-label': 'Name of the conversation', maxlength: 200 });
    field.value = title;
    this.#renamed = id;
    let isDone = false;
    const done = (keeps: boolean): void => {
      if (isDone) return;
      isDone = true;
      this.#renamed = undefined;
      const name = field.value.trim();
      if (keeps && name !== '' && name !== title) this.#actions.rename(id, name);
      this.#draw();
      this.#list.querySelector<HTMLElement>(`[data-id="${id}"]`)?.focus();
    };
    field.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') done(true);
      else if (event.key === 'Escape') done(false);
      event.stopPropagation();
    });
    field.addEventListener('blur', () => done(true));
    item.replaceChildren(field);
    field.select();
  }
}
