import { fetchStatus, type ModelStatus, type ServerStatus } from './api.js';
import { chart, parts } from './chart.js';
import { byId, h } from './dom.js';
import { bytes, count, kvBytes } from './figures.js';
import { MOMENTS, StatusHistory, sum, type Moment } from './status-history.js';

const INTERVAL_MS = 1000;

/** What the server does now: asked for each second while somebody looks. */
export class ServerPanel {
  readonly #dialog = byId<HTMLDialogElement>('server');
  readonly #body = byId('server-body');
  readonly #history = new StatusHistory();
  readonly #apiKey: () => string;
  #closed: AbortController | undefined;

  constructor(apiKey: () => string) {
    this.#apiKey = apiKey;
    byId('server-open').addEventListener('click', () => {
      this.#dialog.showModal();
      this.#closed = new AbortController();
      void this.#watch(this.#closed.signal);
    });
    for (const close of this.#dialog.querySelectorAll('[data-close]'))
      close.addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('click', (event) => void (event.target === this.#dialog && this.#dialog.close()));
    this.#dialog.addEventListener('close', () => this.#closed?.abort());
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!document.hidden) await this.#look(signal);
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    try {
      const answer = await fetchStatus(this.#apiKey(), signal);
      if (answer.kind === 'refused')
        return this.#tell(
          answer.refusal.code === 'forbidden'
            ? 'This key may not see what the server does: it takes one for metrics, or an administrator’s.'
            : answer.refusal.message,
        );
      this.#history.add(answer.value);
      this.#show(answer.value);
    } catch {
      if (!signal.aborted) this.#tell('The server cannot be reached.');
    }
  }

  #tell(text: string): void {
    this.#body.replaceChildren(h('p', { class: 'failure', role: 'alert' }, text));
  }

  #show(status: ServerStatus): void {
    const series = (name: Exclude<keyof Moment, 'served'>): number[] =>
      this.#history.moments.map((moment) => moment[name]);
    const perSecond = (value: number): string => `${value >= 100 ? Math.round(value) : value.toFixed(1)}/s`;
    const { totals } = status;
    const asked = totals.prompt_tokens + totals.cached_tokens;
    const shares = this.#history.shares();
    this.#body.replaceChildren(
      chart({ label: 'Generated tokens', values: series('generatedPerSecond'), room: MOMENTS, format: perSecond }),
      chart({ label: 'Prompt tokens', values: series('promptPerSecond'), room: MOMENTS, format: perSecond }),
      chart({
        label: `Running, of ${sum(status, 'slots')}`,
        values: series('running'),
        room: MOMENTS,
        format: String,
        atLeast: sum(status, 'slots'),
      }),
      chart({ label: 'Waiting', values: series('queued'), room: MOMENTS, format: String, atLeast: 4 }),
      ...status.models.map(modelView),
      ...(shares.length > 0 ? [parts('Shares of the last minute', shares)] : []),
      h(
        'p',
        { class: 'totals' },
        `${count(totals.requests)} requests, ${count(totals.generated_tokens)} tokens generated, ${count(asked)} of prompts (${asked > 0 ? Math.round((100 * totals.cached_tokens) / asked) : 0} % cached), ${count(totals.rejected)} refused. Starling ${status.version}.`,
      ),
    );
  }
}

function modelView({ name, state, kv, sessions }: ModelStatus): HTMLElement {
  if (kv === undefined) return h('p', { class: 'model-state' }, `${name}: ${state}`);
  const part = (state: 'used' | 'cached' | 'free'): { part: number; text: string } => ({
    part: kvBytes(kv, state) / Math.max(1, kvBytes(kv, 'pages')),
    text: bytes(kvBytes(kv, state)),
  });
  const view = parts(`KV memory${state === 'ready' ? '' : ` (${state})`}, ${sessions ?? 0} sessions`, [
    { name: 'in use', ...part('used'), style: 'tone-0' },
    { name: 'cached', ...part('cached'), style: 'tone-1' },
    { name: 'free', ...part('free'), style: 'tone-free' },
  ]);
  view.prepend(h('h3', { title: name }, name));
  return view;
}
