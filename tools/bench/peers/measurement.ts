/** Tokens per second of a prompt and of what is decoded after it. */
export interface Measurement {
  readonly promptTps: number;
  readonly decodeTps: number;
}

/** The middle of a list of numbers (the mean of the two middle ones when it is even). */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The medians of several runs. */
export const medians = (runs: readonly Measurement[]): Measurement => ({
  promptTps: median(runs.map((run) => run.promptTps)),
  decodeTps: median(runs.map((run) => run.decodeTps)),
});
