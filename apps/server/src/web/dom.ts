/** Attributes of an element; functions are listeners (`onclick`), `undefined` and `false` leave one out. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined | ((event: never) => void)>>;

export type Child = Node | string | undefined | false;

const SVG = 'http://www.w3.org/2000/svg';

/** An HTML element. Text only ever becomes text nodes, and no markup is parsed: nothing that a model writes is read as HTML. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  return filled(document.createElement(tag), attributes, children);
}

/** An element of a drawing. */
export function svg(tag: string, attributes: Attributes = {}, ...children: readonly Child[]): SVGElement {
  return filled(document.createElementNS(SVG, tag) as SVGElement, attributes, children);
}

function filled<E extends Element>(made: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name.slice(2), value as EventListener);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : String(value));
  }
  made.append(...children.filter((child): child is Node | string => child !== undefined && child !== false));
  return made;
}

/** The element of the page with this id. */
export const byId = <E extends HTMLElement = HTMLElement>(id: string): E => document.getElementById(id) as E;

/** Drawings on buttons: paths in a square of 24. */
const ICONS = {
  plus: 'M12 5v14M5 12h14',
  copy: 'M9 9h10v11H9zM15 9V5H5v11h4',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  edit: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  again: 'M19 12a7 7 0 1 1-2-4.9M19 4v4h-4',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  left: 'M14 6l-6 6 6 6',
  right: 'M10 6l6 6-6 6',
  chances: 'M5 20V10M12 20V4M19 20v-7',
  tool: 'M14.5 6.5a4 4 0 0 0-5 5L4 17l3 3 5.5-5.5a4 4 0 0 0 5-5L15 12l-3-3z',
  thought: 'M9 18h6M10 21h4M12 3a6 6 0 0 0-3.5 10.9V16h7v-2.1A6 6 0 0 0 12 3z',
  close: 'M6 6l12 12M18 6L6 18',
} as const;

export type IconName = keyof typeof ICONS;

export function icon(name: IconName): SVGElement {
  return svg('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d: ICONS[name] }));
}

/** A button that does something; with an icon alone, its label is its name. */
export function button(
  label: string,
  action: () => void,
  {
    icon: name,
    showsLabel = name === undefined,
    class: style = 'quiet',
  }: { readonly icon?: IconName; readonly showsLabel?: boolean; readonly class?: string } = {},
): HTMLButtonElement {
  return h(
    'button',
    { type: 'button', class: style, onclick: action, ...(!showsLabel && { 'aria-label': label, title: label }) },
    name && icon(name),
    showsLabel && h('span', {}, label),
  );
}
