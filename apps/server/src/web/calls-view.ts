import type { ToolCall } from './conversation.js';
import { button, h, icon } from './dom.js';

/** JSON with line breaks; what is no JSON as it stands. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** A call of a tool, folded: its name, and what it is called with. */
export function callView({ name, arguments: values }: ToolCall): HTMLElement {
  return h(
    'details',
    { class: 'call', open: true },
    h('summary', {}, icon('tool'), h('span', {}, 'Calls '), h('code', {}, name)),
    h('pre', { tabindex: 0 }, h('code', {}, pretty(values))),
  );
}

/** Asks for the results of calls: nobody here runs tools but the reader. */
export function resultsForm(
  calls: readonly ToolCall[],
  onResults: (results: readonly { readonly callId: string; readonly text: string }[]) => void,
): HTMLElement {
  const fields = calls.map(({ id, name }) => ({
    id,
    field: h('textarea', { rows: 2, 'aria-label': `Result of ${name}`, placeholder: `What ${name} gives` }),
  }));
  const send = (): void => onResults(fields.map(({ id, field }) => ({ callId: id, text: field.value })));
  return h(
    'div',
    { class: 'results' },
    ...fields.map(({ field }) => field),
    button(calls.length === 1 ? 'Send the result' : 'Send the results', send, { class: 'primary' }),
  );
}
