import type { TokenChoice } from './conversation.js';
import { h } from './dom.js';

function percent(probability: number): string {
  if (probability < 0.0005) return '< 0.1 %';
  return `${(100 * probability).toFixed(probability < 0.0995 ? 1 : 0)} %`;
}

/** How sure the model was, in five steps: colours show them. */
const sureness = (probability: number): number => Math.min(4, Math.floor(5 * probability));

/** White space as something that can be seen. */
const visible = (text: string): string =>
  text === '' ? '∅' : text.replaceAll('\n', '⏎').replaceAll('\t', '⇥').replaceAll(' ', '·');

/** An answer token by token; what else could have been stands beside the one that is pointed at, or that the arrow keys have come to. */
export function chancesView(tokens: readonly TokenChoice[]): HTMLElement {
  const card = h('div', { class: 'chances-card', 'aria-live': 'polite', hidden: true });
  const spans = tokens.map((token, index) =>
    h(
      'span',
      {
        class: `token sure-${sureness(token.probability)}`,
        tabindex: index === 0 ? 0 : -1,
        'data-index': index,
        role: 'option',
        'aria-selected': 'false',
        'aria-label': visible(token.text),
      },
      token.text,
    ),
  );
  const text = h('div', { class: 'tokens', role: 'listbox', 'aria-label': 'The answer token by token' }, ...spans);
  const view = h('div', { class: 'chances' }, text, card);
  const show = (index: number): void => {
    const { left, bottom } = spans[index].getBoundingClientRect();
    const frame = view.getBoundingClientRect();
    card.replaceChildren(...cardOf(tokens[index]));
    card.hidden = false;
    card.style.top = `${bottom - frame.top + 6}px`;
    card.style.left = `${Math.max(0, Math.min(left - frame.left, frame.width - card.offsetWidth))}px`;
  };
  const indexOf = (event: Event): number | undefined => {
    const { index } = (event.target as HTMLElement).dataset;
    return index === undefined ? undefined : Number(index);
  };
  const move = (from: number, to: number): void => {
    if (to < 0 || to >= spans.length) return;
    spans[from].tabIndex = -1;
    spans[to].tabIndex = 0;
    spans[to].focus();
  };
  view.addEventListener('pointerover', (event) => {
    const index = indexOf(event);
    if (index !== undefined) show(index);
  });
  view.addEventListener('pointerleave', () => (card.hidden = true));
  view.addEventListener('focusin', (event) => {
    const index = indexOf(event);
    if (index !== undefined) show(index);
  });
  view.addEventListener('focusout', () => (card.hidden = true));
  view.addEventListener('keydown', (event) => {
    const index = indexOf(event);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (index === undefined || step === undefined) return;
    event.preventDefault();
    move(index, index + step);
  });
  return view;
}

function cardOf({ text, probability, others }: TokenChoice): HTMLElement[] {
  const rows = others.some(([other]) => other === text) ? others : [[text, probability] as const, ...others];
  return rows.map(([other, chance]) => {
    const bar = h('span', { class: 'fill' });
    bar.style.width = `${Math.round(100 * Math.min(1, chance))}%`;
    return h(
      'div',
      { class: other === text ? 'chosen' : '' },
      h('code', {}, visible(other)),
      h('span', {}, percent(chance)),
      h('span', { class: 'track' }, bar),
    );
  });
}
