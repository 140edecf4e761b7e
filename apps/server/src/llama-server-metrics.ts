import type { EngineEvent } from '@starling/engine';
import type { ForeignMetrics, MetricsFormat, ModelDirectory } from './parts.js';

/** Tokens and the time that they took, since the page was made last. */
interface Window {
  tokens: number;
  ms: number;
}

const perSecond = ({ tokens, ms }: Window): number => (ms > 0 ? (tokens * 1000) / ms : 0);

/** What llama-server's dashboards read, under its names, from the engine's events. */
export class LlamaServerMetrics implements ForeignMetrics {
  readonly #startedAt = Math.floor(Date.now() / 1000);
  readonly #totals = {
    prompt: 0,
    cached: 0,
    promptMs: 0,
    predicted: 0,
    predictedMs: 0,
    steps: 0,
    busy: 0,
    longest: 0,
    drafts: 0,
    drafted: 0,
    accepted: 0,
  };
  #prompt: Window = { tokens: 0, ms: 0 };
  #predicted: Window = { tokens: 0, ms: 0 };

  get startedAt(): number {
    return this.#startedAt;
  }

  note(event: EngineEvent): void {
    const totals = this.#totals;
    if (event.kind === 'step') {
      totals.steps++;
      totals.busy += event.sequences;
      totals.drafts += event.drafts;
      return;
    }
    if (event.kind !== 'request_ended') return;
    const { usage, timings } = event;
    const computed = usage.promptTokens - usage.cachedTokens;
    totals.prompt += computed;
    totals.cached += usage.cachedTokens;
    totals.promptMs += timings.promptMs;
    totals.predicted += usage.completionTokens;
    totals.predictedMs += timings.decodeMs;
    totals.drafted += timings.draftedTokens;
    totals.accepted += timings.acceptedTokens;
    totals.longest = Math.max(totals.longest, usage.promptTokens + usage.completionTokens);
    this.#prompt.tokens += computed;
    this.#prompt.ms += timings.promptMs;
    this.#predicted.tokens += Math.max(usage.completionTokens - 1, 0);
    this.#predicted.ms += timings.decodeMs;
  }

  render(models: ModelDirectory, format: MetricsFormat): string {
    const totals = this.#totals;
    const loaded = models
      .list()
      .flatMap(({ state, model }) => (state === 'ready' && model ? [model.statistics()] : []));
    const sum = (name: 'running' | 'queued'): number => loaded.reduce((all, statistics) => all + statistics[name], 0);
    const counters: readonly Metric[] = [
      ['prompt_tokens_total', 'Prompt tokens that were computed', totals.prompt],
      ['prompt_tokens_cached_total', 'Prompt tokens that were found in the cache', totals.cached],
      ['prompt_seconds_total', 'Time of computing prompts', totals.promptMs / 1000],
      ['tokens_predicted_total', 'Tokens that were generated', totals.predicted],
      ['tokens_predicted_seconds_total', 'Time of generating them', totals.predictedMs / 1000],
      ['n_decode_total', 'Steps of the model', totals.steps],
      ['n_tokens_max', 'The longest sequence', totals.longest],
      ['spec_decode_num_draft_tokens_total', 'Tokens that were drafted', totals.drafted],
      ['spec_decode_num_accepted_tokens_total', 'Drafted tokens that were taken', totals.accepted],
      ['spec_decode_num_drafts_total', 'Drafts', totals.drafts],
    ];
    const gauges: readonly Metric[] = [
      ['prompt_tokens_seconds', 'Prompt tokens a second since the last page', perSecond(this.#prompt)],
      ['predicted_tokens_seconds', 'Generated tokens a second since the last page', perSecond(this.#predicted)],
      ['requests_processing', 'Requests under way', sum('running')],
      ['requests_deferred', 'Requests that wait', sum('queued')],
      ['n_busy_slots_per_decode', 'Sequences in a step, on average', totals.busy / Math.max(totals.steps, 1)],
    ];
    this.#prompt = { tokens: 0, ms: 0 };
    this.#predicted = { tokens: 0, ms: 0 };
    return [
      ...counters.map((metric) => written(metric, 'counter', format)),
      ...gauges.map((metric) => written(metric, 'gauge', format)),
    ].join('');
  }
}

type Metric = readonly [name: string, help: string, value: number];

/** In OpenMetrics a counter's family has no `_total`, and what is called otherwise cannot be one. */
function written([name, help, value]: Metric, kind: 'counter' | 'gauge', format: MetricsFormat): string {
  const isOpen = format === 'openmetrics';
  const family = `llamacpp:${isOpen ? name.replace(/_total$/, '') : name}`;
  const type = isOpen && kind === 'counter' && !name.endsWith('_total') ? 'gauge' : kind;
  return `# HELP ${family} ${help}.\n# TYPE ${family} ${type}\nllamacpp:${name} ${value}\n`;
}
