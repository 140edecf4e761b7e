import type { ModelStatus } from './api.js';
import type { AnswerFacts, Turn } from './conversation.js';

/** Bytes of a model's pages in a state, those of windowed layers included. */
export function kvBytes(kv: NonNullable<ModelStatus['kv']>, state: 'pages' | 'used' | 'cached' | 'free'): number {
  return [kv, ...(kv.windows ? [kv.windows] : [])].reduce(
    (sum, pages) => sum + (pages.bytes * pages[state]) / pages.pages,
    0,
  );
}

export const rate = (perSecond: number): string =>
  `${perSecond >= 100 ? Math.round(perSecond) : perSecond.toFixed(1)} tokens/s`;

/** `320 ms`, `4.2 s`, `3 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}

/** `512`, `12.3k`. */
export const count = (value: number): string =>
  value < 10_000 ? String(Math.round(value)) : `${(value / 1000).toFixed(1)}k`;

/** `640 B`, `1.2 GB`. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(value, 1)) / 3)));
  return `${(value / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}

const ENDS: Readonly<Record<string, string>> = { length: 'cut at the limit', stopped: 'stopped', failed: '' };

/** What stands under an answer: how much, how fast, and what the cache spared it. */
export function figuresLine({ answer }: Turn, isAlone: boolean): string[] {
  if (answer === undefined) return [];
  const { figures } = answer;
  const parts: string[] = [];
  if (!isAlone && answer.model !== undefined) parts.push(answer.model);
  if (figures) {
    parts.push(`${count(figures.tokens)} tokens`);
    if (figures.tokensPerSecond) parts.push(rate(figures.tokensPerSecond));
    if (figures.firstTokenMs !== undefined) parts.push(`first after ${duration(figures.firstTokenMs)}`);
    parts.push(
      `prompt ${count(figures.promptTokens)}${figures.cachedTokens > 0 ? `, ${Math.round((100 * figures.cachedTokens) / figures.promptTokens)} % cached` : ''}`,
    );
  }
  const end = endOf(answer);
  return end === '' ? parts : [...parts, end];
}

const endOf = ({ end }: AnswerFacts): string => (end === undefined ? 'interrupted' : (ENDS[end] ?? ''));
