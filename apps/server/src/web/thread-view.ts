import type { ComingAnswer } from './answers.js';
import { branchesOf, openCalls, pathTo, type Turns } from './conversation.js';
import { h } from './dom.js';
import { ComingView, turnView, type ShownTurn, type TurnActions } from './turn-view.js';

/** How near to the end the reader is to be taken along, in pixels. */
const NEAR_END = 64;

interface Made {
  readonly shown: ShownTurn;
  readonly element: HTMLElement;
}

/** The turns of the branch that is open. What has not changed keeps its element: folds, selections and focus stay. */
export class ThreadView {
  readonly #list: HTMLElement;
  readonly #scroll: HTMLElement;
  readonly #actions: TurnActions;
  #made = new Map<string, Made>();
  #coming: { readonly id: string; readonly view: ComingView } | undefined;
  #frame = 0;

  constructor(list: HTMLElement, scroll: HTMLElement, actions: TurnActions) {
    this.#list = list;
    this.#scroll = scroll;
    this.#actions = actions;
  }

  /** Shows a branch; `coming` is its last turn, where that still comes in. */
  show(
    turns: Turns,
    leaf: string | undefined,
    { coming, isAlone }: { readonly coming: ComingAnswer | undefined; readonly isAlone: boolean },
  ): void {
    const path = pathTo(turns, leaf);
    const calls = openCalls(path);
    const made = new Map<string, Made>();
    const elements: HTMLElement[] = [];
    for (const turn of path) {
      if (coming?.turn.id === turn.id) {
        if (this.#coming?.id !== turn.id) this.#coming = { id: turn.id, view: new ComingView() };
        this.#coming.view.show(coming);
        elements.push(this.#coming.view.element);
        continue;
      }
      const mine = (turn.calls ?? []).filter((call) => calls.includes(call));
      const shown: ShownTurn = { turn, branches: branchesOf(turns, turn), openCalls: mine, isAlone };
      const known = this.#made.get(turn.id);
      const entry = known && isSame(known.shown, shown) ? known : { shown, element: turnView(shown, this.#actions) };
      made.set(turn.id, entry);
      elements.push(entry.element);
    }
    this.#made = made;
    if (this.#coming && !path.some(({ id }) => id === coming?.turn.id)) this.#coming = undefined;
    this.#following(() => place(this.#list, elements));
  }

  /** Brings the answer that comes in up to date, at most once a frame. */
  advance(answer: ComingAnswer): void {
    if (this.#coming?.id !== answer.turn.id || this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#coming?.id === answer.turn.id) this.#following(() => this.#coming!.view.show(answer));
    });
  }

  toEnd(): void {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }

  /** Keeps the end in view, unless the reader has scrolled up. */
  #following(change: () => void): void {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    change();
    if (scrollHeight - scrollTop - clientHeight < NEAR_END) this.toEnd();
  }
}

const isSame = (a: ShownTurn, b: ShownTurn): boolean =>
  a.turn === b.turn &&
  a.isAlone === b.isAlone &&
  a.openCalls.length === b.openCalls.length &&
  a.branches.length === b.branches.length &&
  a.branches.every(({ id }, i) => id === b.branches[i].id);

/** Puts elements into a list in order; those that are there already are not moved, so that nothing in them loses the focus. */
function place(list: HTMLElement, elements: readonly HTMLElement[]): void {
  const wanted = new Set<Element>(elements);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  elements.forEach((element, i) => {
    if (list.children[i] !== element) list.insertBefore(element, list.children[i] ?? null);
  });
}

/** What is shown of a conversation before there is one. */
export function ideaButtons(ideas: readonly string[], onIdea: (text: string) => void): HTMLElement[] {
  return ideas.map((text) => h('button', { type: 'button', onclick: () => onIdea(text) }, text));
}
