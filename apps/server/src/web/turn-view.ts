import type { ComingAnswer } from './answers.js';
import { renderAnswer } from './answer-view.js';
import { callView, pretty, resultsForm } from './calls-view.js';
import { chancesView } from './chances-view.js';
import type { ToolCall, Turn } from './conversation.js';
import { button, h, icon } from './dom.js';
import { count, duration, figuresLine, rate } from './figures.js';

/** What readers do with a turn. */
export interface TurnActions {
  /** Shows another branch. */
  show(turn: Turn): void;
  /** Asks again with other words. */
  edit(turn: Turn, text: string): void;
  again(turn: Turn): void;
  sendResults(turn: Turn, results: readonly { readonly callId: string; readonly text: string }[]): void;
  copy(text: string): Promise<void>;
}

/** A turn and where it stands. */
export interface ShownTurn {
  readonly turn: Turn;
  readonly branches: readonly Turn[];
  /** Calls without a result, where this turn is the one that made them. */
  readonly openCalls: readonly ToolCall[];
  /** One model alone is served: its name says nothing. */
  readonly isAlone: boolean;
}

/** An element for a turn that is whole. */
export function turnView(shown: ShownTurn, actions: TurnActions): HTMLLIElement {
  const { turn } = shown;
  if (turn.role === 'user') return userView(shown, actions);
  if (turn.role === 'tool')
    return h(
      'li',
      { class: 'turn tool' },
      h(
        'details',
        { class: 'call' },
        h('summary', {}, icon('tool'), 'Result'),
        h('pre', { tabindex: 0 }, h('code', {}, pretty(turn.text))),
      ),
    );
  const body = answerBody(turn);
  if (turn.answer?.failure) body.append(failureNote(turn.answer.failure));
  body.append(...(turn.calls ?? []).map(callView));
  if (shown.openCalls.length > 0)
    body.append(resultsForm(shown.openCalls, (results) => actions.sendResults(turn, results)));
  const line = h('span', { class: 'figures' }, figuresLine(turn, shown.isAlone).join(' · '));
  const extras: HTMLElement[] = [];
  if (turn.tokens) extras.push(chancesButton(turn, body));
  return h(
    'li',
    { class: 'turn assistant' },
    mark(),
    h(
      'div',
      { class: 'body' },
      body,
      h(
        'div',
        { class: 'meta' },
        line,
        h(
          'div',
          { class: 'turn-actions' },
          ...branchButtons(shown, actions),
          ...extras,
          ...(turn.text === '' ? [] : [copyButton(turn.text, actions)]),
          button('Try again', () => actions.again(turn), { icon: 'again' }),
        ),
      ),
    ),
  );
}

const mark = (): HTMLElement => h('img', { src: '/web/starling.svg', alt: 'Answer', width: 28, height: 28 });

/** Reasoning, folded, and the text. */
function answerBody(turn: Turn): HTMLElement {
  const text = h('div', { class: 'answer' });
  if (turn.answer?.isJson && turn.text !== '') renderAnswer(text, `\`\`\`json\n${pretty(turn.text)}\n\`\`\``);
  else renderAnswer(text, turn.text);
  if (!turn.reasoning) return h('div', { class: 'answer-body' }, text);
  const { reasoningMs } = turn.answer ?? {};
  const thought = h('div', { class: 'answer' });
  renderAnswer(thought, turn.reasoning);
  return h(
    'div',
    { class: 'answer-body' },
    reasoningView(thought, reasoningMs === undefined ? 'Reasoning' : `Thought for ${duration(reasoningMs)}`),
    text,
  );
}

function reasoningView(thought: HTMLElement, label: string): HTMLDetailsElement {
  return h('details', { class: 'reasoning' }, h('summary', {}, icon('thought'), h('span', {}, label)), thought);
}

function userView({ turn, ...shown }: ShownTurn, actions: TurnActions): HTMLLIElement {
  const bubble = h('div', { class: 'bubble' }, turn.text);
  const made = h('li', { class: 'turn user' }, bubble);
  const edit = (): void => {
    const field = h('textarea', { 'aria-label': 'Message', rows: Math.min(12, turn.text.split('\n').length + 1) });
    field.value = turn.text;
    const leave = (): void => {
      editor.replaceWith(bubble, tools);
      made.classList.remove('editing');
    };
    const send = (): void => (field.value.trim() === '' ? undefined : actions.edit(turn, field.value.trim()));
    field.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') leave();
      else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) send();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    const editor = h(
      'div',
      { class: 'editor' },
      field,
      h('div', { class: 'editor-actions' }, button('Cancel', leave), button('Send', send, { class: 'primary' })),
    );
    made.classList.add('editing');
    bubble.replaceWith(editor);
    tools.remove();
    field.focus();
  };
  const tools = h(
    'div',
    { class: 'turn-actions' },
    ...branchButtons({ turn, ...shown }, actions),
    copyButton(turn.text, actions),
    button('Edit', edit, { icon: 'edit' }),
  );
  made.append(tools);
  return made;
}

function branchButtons({ turn, branches }: ShownTurn, actions: TurnActions): HTMLElement[] {
  if (branches.length < 2) return [];
  const at = branches.findIndex(({ id }) => id === turn.id);
  const step = (by: number, label: string, name: 'left' | 'right'): HTMLButtonElement => {
    const made = button(label, () => actions.show(branches[at + by]), { icon: name });
    made.disabled = branches[at + by] === undefined;
    return made;
  };
  return [
    h(
      'span',
      { class: 'branches' },
      step(-1, 'Earlier version', 'left'),
      h('span', {}, `${at + 1}/${branches.length}`),
      step(1, 'Later version', 'right'),
    ),
  ];
}

function copyButton(text: string, { copy }: TurnActions): HTMLButtonElement {
  const made = button(
    'Copy',
    () =>
      void copy(text).then(
        () => made.replaceChildren(icon('check')),
        () => undefined,
      ),
    { icon: 'copy' },
  );
  return made;
}

/** Changes between the answer's text and its tokens. */
function chancesButton({ tokens = [] }: Turn, body: HTMLElement): HTMLButtonElement {
  let view: HTMLElement | undefined;
  const toggle = (): void => {
    const text = body.querySelector<HTMLElement>(':scope > .answer')!;
    if (view) view.remove();
    else text.after((view = chancesView(tokens)));
    if (!view?.isConnected) view = undefined;
    text.hidden = view !== undefined;
    made.setAttribute('aria-pressed', String(view !== undefined));
  };
  const made = button('Token probabilities', toggle, { icon: 'chances' });
  made.setAttribute('aria-pressed', 'false');
  return made;
}

const HINTS: Readonly<Record<string, string>> = {
  unauthorized: ' Enter it under Settings.',
  context_length_exceeded: ' Start a new chat to make room.',
};

function failureNote({ code, message }: { readonly code: string; readonly message: string }): HTMLElement {
  const sentence = message.replace(/^./, (letter) => letter.toUpperCase()).replace(/[^.!?]$/, '$&.');
  return h('p', { class: 'failure', role: 'alert' }, sentence + (HINTS[code] ?? ''));
}

/** An answer that comes in: its element, and what brings it up to date. */
export class ComingView {
  readonly element: HTMLLIElement;
  readonly #body = h('div', { class: 'answer-body' });
  readonly #text = h('div', { class: 'answer' });
  readonly #thought = h('div', { class: 'answer' });
  readonly #line = h('span', { class: 'figures', role: 'status' });
  #reasoning: HTMLDetailsElement | undefined;

  constructor() {
    this.#body.append(this.#text);
    this.element = h(
      'li',
      { class: 'turn assistant busy' },
      mark(),
      h('div', { class: 'body' }, this.#body, h('div', { class: 'meta' }, this.#line)),
    );
  }

  show({ turn, builder, firstAt }: ComingAnswer): void {
    if (turn.reasoning) {
      if (this.#reasoning === undefined)
        this.#body.prepend((this.#reasoning = reasoningView(this.#thought, 'Thinking…')));
      if (this.#reasoning.open) renderAnswer(this.#thought, turn.reasoning);
      else this.#reasoning.ontoggle = () => renderAnswer(this.#thought, turn.reasoning ?? '');
      const { reasoningMs } = turn.answer ?? {};
      if (reasoningMs !== undefined)
        this.#reasoning.querySelector('summary > span')!.textContent = `Thought for ${duration(reasoningMs)}`;
    }
    renderAnswer(this.#text, turn.text);
    for (const call of this.#body.querySelectorAll('.call')) call.remove();
    this.#body.append(...(turn.calls ?? []).map(callView));
    const seconds = (performance.now() - (firstAt ?? 0)) / 1000;
    const { progress, pieces } = builder;
    if (pieces > 0)
      this.#line.textContent = `${pieces} tokens${pieces > 1 && seconds > 0 ? ` · ${rate((pieces - 1) / seconds)}` : ''}`;
    else if (progress && progress.processed < progress.total)
      this.#line.textContent = `Reading the prompt: ${count(progress.processed)} of ${count(progress.total)} tokens`;
  }
}
