import { StarlingError } from '@starling/core';

/** What can be made to go wrong on purpose. The first five are counted in steps of all models, the others in writes to `--kv-dir`. */
export const FAULTS = [
  'worker_dies',
  'worker_hangs',
  'step_throws',
  'memory_runs_out',
  'logits_nan',
  'clock_jumps',
  'disk_full',
  'disk_slow',
  'disk_lies',
] as const;

export type Fault = (typeof FAULTS)[number];

/** Which times something goes wrong, counted from 1. */
interface Span {
  readonly first: number;
  readonly last: number;
}

/** What goes wrong when: read from `worker_dies@40,disk_full@1-`, faults with the times that they happen, one or from one to another. */
export class FaultPlan {
  readonly #spans = new Map<Fault, Span>();
  readonly #counts = new Map<Fault, number>();

  /** @throws StarlingError invalid_argument naming what cannot be read */
  constructor(text: string) {
    for (const part of text.split(',')) {
      const [, name, first, dash, last] = /^\s*(\w+)@(\d{1,9})(?:(-)(\d{1,9})?)?\s*$/.exec(part) ?? [];
      const fault = FAULTS.find((one) => one === name);
      if (fault === undefined)
        throw new StarlingError(
          'invalid_argument',
          `expected faults such as ${FAULTS[0]}@40 or ${FAULTS[6]}@1-, of ${FAULTS.join(', ')}; received "${part}"`,
          { details: { received: part } },
        );
      this.#spans.set(fault, {
        first: Number(first),
        last: dash === undefined ? Number(first) : Number(last ?? Infinity),
      });
    }
  }

  /** Whether it goes wrong this time; to be asked once each time that it could. */
  happens(fault: Fault): boolean {
    const span = this.#spans.get(fault);
    if (span === undefined) return false;
    const count = (this.#counts.get(fault) ?? 0) + 1;
    this.#counts.set(fault, count);
    return count >= span.first && count <= span.last;
  }
}
