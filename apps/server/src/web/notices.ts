import { button, byId, h } from './dom.js';

/** A notice goes by itself after this long, unless it is pointed at or has the focus. */
const STAY_MS = 8000;

/** Tells something at the edge of the page; with something that can be done about it. */
export function notice(text: string, action?: { readonly label: string; readonly run: () => void }): void {
  const made = h('div', { class: 'notice', role: 'status' }, h('span', {}, text));
  const leave = (): void => made.remove();
  if (action) {
    made.append(
      button(action.label, () => {
        leave();
        action.run();
      }),
    );
  }
  made.append(button('Close', leave, { icon: 'close' }));
  byId('notices').append(made);
  const look = (): void => (made.matches(':hover, :focus-within') ? void setTimeout(look, STAY_MS) : leave());
  setTimeout(look, STAY_MS);
}

/** Tells something that stays true: one line on top of the page. */
export function banner(text: string): void {
  const line = byId('banner');
  line.textContent = text;
  line.hidden = text === '';
}
