import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Delay of the event loop over a stretch of time, in milliseconds. */
export interface EventLoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface EventLoopMonitor {
  /** The delay since the last call (or the start); begins a new stretch. Zeros when nothing was sampled. */
  take(): EventLoopDelay;
  stop(): void;
}

/** The sampler's own period: it measures how much later than this its timer fires. */
const RESOLUTION_MS = 5;

/** Watches how late timers of this thread fire: what a request would wait for because something blocks the event loop. */
export function watchEventLoopDelay(): EventLoopMonitor {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const beyondPeriod = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  return {
    take() {
      const delay =
        histogram.count === 0
          ? { p50Ms: 0, p99Ms: 0, maxMs: 0 }
          : {
              p50Ms: beyondPeriod(histogram.percentile(50)),
              p99Ms: beyondPeriod(histogram.percentile(99)),
              maxMs: beyondPeriod(histogram.max),
            };
      histogram.reset();
      return delay;
    },
    stop: () => void histogram.disable(),
  };
}
