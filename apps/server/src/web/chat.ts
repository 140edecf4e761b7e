import { ask, modelName, type Failure, type Message, type Summary } from './api.js';
import { element, renderAnswer } from './answer-view.js';
import { connectSettings } from './settings.js';

const IDEAS = ['Tell me a story about a fox.', 'What is 12 + 7?', 'What is the capital of France?', 'Spell the word river.'];

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const scroll = byId('scroll');
const thread = byId('thread');
const welcome = byId('welcome');
const composer = byId<HTMLFormElement>('composer');
const input = byId<HTMLTextAreaElement>('input');
const send = byId<HTMLButtonElement>('send');

let history: Message[] = [];
/** The answer under way, if any. */
let running: AbortController | undefined;

const settings = connectSettings(showModel);

function showModel(): void {
  modelName(settings().apiKey).then(
    (name) => void (byId('model').textContent = name ?? ''),
    () => undefined,
  );
}

function setRunning(controller: AbortController | undefined): void {
  running = controller;
  composer.classList.toggle('streaming', controller !== undefined);
  send.setAttribute('aria-label', controller ? 'Stop' : 'Send');
  send.title = controller ? 'Stop (Esc)' : 'Send (Enter)';
  updateComposer();
}

function updateComposer(): void {
  send.disabled = running === undefined && input.value.trim() === '';
  input.style.height = 'auto';
  input.style.height = `${input.scrollHeight}px`;
}

/** Keeps the end in view while text comes in, unless the reader has scrolled up. */
function following(change: () => void): void {
  const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 48;
  change();
  if (atEnd) scroll.scrollTop = scroll.scrollHeight;
}

function addTurn(role: 'user' | 'assistant', ...children: (Node | string)[]): HTMLElement {
  const turn = element('li', ...children);
  turn.className = `turn ${role}`;
  welcome.hidden = true;
  thread.append(turn);
  scroll.scrollTop = scroll.scrollHeight;
  return turn;
}

async function answer(): Promise<void> {
  const mark = new Image(28, 28);
  mark.src = '/web/starling.svg';
  mark.alt = '';
  const body = element('div');
  body.className = 'answer';
  const meta = element('div');
  meta.className = 'meta';
  const turn = addTurn('assistant', mark, body, meta);
  turn.classList.add('busy');
  const controller = new AbortController();
  const conversation = history;
  setRunning(controller);
  const progress = trackProgress(body, meta);
  try {
    const outcome = await ask(conversation, settings(), controller.signal, progress.add);
    progress.finish(outcome.kind === 'done' ? describe(outcome.summary) : '');
    if (outcome.kind === 'failed') following(() => showFailure(body, outcome));
  } catch {
    progress.finish(controller.signal.aborted ? 'Stopped' : '');
    if (!controller.signal.aborted) following(() => showFailure(body, { kind: 'failed', code: 'network', message: 'The server cannot be reached.' }));
  }
  turn.classList.remove('busy');
  following(() => addActions(meta, turn, progress.text()));
  if (progress.text() !== '') conversation.push({ role: 'assistant', content: progress.text() });
  if (running === controller) setRunning(undefined);
  input.focus();
}

/** Gathers an answer's text and shows it, at most once a frame, with the rate at which it comes. */
function trackProgress(body: HTMLElement, meta: HTMLElement) {
  const start = performance.now();
  let text = '';
  let count = 0;
  let firstAt = 0;
  let frame = 0;
  const rate = () => (count > 1 ? ((count - 1) * 1000) / Math.max(1, performance.now() - firstAt) : 0);
  const show = (line: string) => {
    frame = 0;
    following(() => {
      renderAnswer(body, text);
      meta.replaceChildren(element('span', line));
    });
  };
  return {
    text: () => text,
    add: (delta: string, tokens: number) => {
      if (count === 0) firstAt = performance.now();
      count = tokens;
      text += delta;
      frame ||= requestAnimationFrame(() => show(`${count} tokens · ${formatRate(rate())}`));
    },
    finish: (line: string) => {
      cancelAnimationFrame(frame);
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      show(line === 'Stopped' ? `Stopped · ${count} tokens · ${seconds} s` : line);
    },
  };
}

const formatRate = (rate: number) => `${rate >= 100 ? Math.round(rate) : rate.toFixed(1)} tokens/s`;

function describe(summary: Summary): string {
  const parts = [`${summary.tokens} tokens`];
  if (summary.tokensPerSecond) parts.push(formatRate(summary.tokensPerSecond));
  if (summary.firstTokenMs !== undefined) parts.push(`first after ${Math.round(summary.firstTokenMs)} ms`);
  if (summary.finishReason === 'length') parts.push('cut at the limit');
  return parts.join(' · ');
}

function showFailure(body: HTMLElement, failed: Failure): void {
  const hint = { unauthorized: ' Enter it under Settings.', context_length_exceeded: ' Start a new chat to make room.' }[failed.code] ?? '';
  const sentence = failed.message.replace(/^./, (letter) => letter.toUpperCase()).replace(/[^.!?]$/, '$&.');
  const note = element('p', sentence + hint);
  note.className = 'failure';
  note.setAttribute('role', 'alert');
  body.append(note);
}

function addActions(meta: HTMLElement, turn: HTMLElement, text: string): void {
  const button = (label: string, action: () => void) => {
    const made = element('button', label) as HTMLButtonElement;
    made.type = 'button';
    made.addEventListener('click', action);
    return made;
  };
  const copy = button('Copy', () => {
    void navigator.clipboard.writeText(text).then(() => void (copy.textContent = 'Copied'));
  });
  const again = button('Try again', () => {
    if (running) return;
    turn.remove();
    if (history.at(-1)?.role === 'assistant') history.pop();
    void answer();
  });
  again.className = 'again';
  meta.append(...(text === '' ? [] : [copy]), again);
}

function say(text: string): void {
  // A message that got no answer would spoil every later one: too long, or two in a row.
  if (history.at(-1)?.role === 'user') history.pop();
  history.push({ role: 'user', content: text });
  addTurn('user', text);
  input.value = '';
  void answer();
}

composer.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = input.value.trim();
  if (running) running.abort();
  else if (text !== '') say(text);
});
input.addEventListener('input', updateComposer);
input.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!running) composer.requestSubmit();
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && running && !document.querySelector('dialog[open]')) running.abort();
});
byId('new-chat').addEventListener('click', () => {
  running?.abort();
  setRunning(undefined);
  history = [];
  thread.replaceChildren();
  welcome.hidden = false;
  input.focus();
});
byId('ideas').append(
  ...IDEAS.map((idea) => {
    const button = element('button', idea) as HTMLButtonElement;
    button.type = 'button';
    button.addEventListener('click', () => void (running || say(idea)));
    return button;
  }),
);
showModel();
updateComposer();
