import { parameterError } from '@starling/core';
import type { AdapterInfo } from '@starling/transformer';

/** An adapter beside a model, and how much of it is added where a request does not say. */
export interface AdapterState extends AdapterInfo {
  readonly scale: number;
}

/** What a request adds of each adapter. */
export interface AdapterChoice {
  /** By the order of `model.adapters`; undefined: nothing of any. */
  readonly scales?: readonly number[];
  /** What computed tokens depend on: the adapters that have a part, in the order in which they are applied. */
  readonly applied: readonly { readonly digest: string; readonly scale: number }[];
}

/** Adapters of one model: what there is, and what each request takes of it. */
export class AdapterBook {
  readonly #infos: readonly AdapterInfo[];
  #scales: readonly number[];

  /** @param scales of requests that do not say. Default: 1 each */
  constructor(infos: readonly AdapterInfo[], scales: readonly number[] = infos.map(() => 1)) {
    this.#infos = infos;
    this.#scales = scales;
  }

  list(): AdapterState[] {
    return this.#infos.map((info, i) => ({ ...info, scale: this.#scales[i] }));
  }

  /** Scales of requests that do not say, from now on. @throws StarlingError as `choose` */
  setScales(scales: Readonly<Record<string, number>>): void {
    this.#scales = this.#scalesWith(scales);
  }

  /** @throws StarlingError invalid_request for an id that is none, and a scale that is no number */
  choose(asked: Readonly<Record<string, number>> = {}): AdapterChoice {
    const scales = this.#scalesWith(asked);
    const applied = scales.flatMap((scale, i) => (scale === 0 ? [] : [{ digest: this.#infos[i].digest, scale }]));
    return applied.length === 0 ? { applied } : { scales, applied };
  }

  /** What was applied at another time; undefined if one of the adapters is not here, or not in that order. */
  chooseByDigest(applied: AdapterChoice['applied']): AdapterChoice | undefined {
    const scales = this.#infos.map(({ digest }) => applied.find((one) => one.digest === digest)?.scale ?? 0);
    const choice: AdapterChoice =
      applied.length === 0
        ? { applied }
        : {
            scales,
            applied: scales.flatMap((scale, i) => (scale === 0 ? [] : [{ digest: this.#infos[i].digest, scale }])),
          };
    return isSameChoice(choice, { applied }) ? choice : undefined;
  }

  #scalesWith(asked: Readonly<Record<string, number>>): number[] {
    const scales = [...this.#scales];
    for (const [id, scale] of Object.entries(asked)) {
      const index = this.#infos.findIndex((info) => info.id === id);
      if (index < 0)
        throw parameterError(
          'invalid_request',
          `adapters.${id}`,
          `there is no adapter '${id}'; there are: ${this.#infos.map((info) => info.id).join(', ') || 'none'}`,
        );
      if (typeof scale !== 'number' || !Number.isFinite(scale))
        throw parameterError('invalid_request', `adapters.${id}`, `must be a number, not ${String(scale)}`);
      scales[index] = scale;
    }
    return scales;
  }
}

/** Whether two requests take the same. */
export function isSameChoice(a: AdapterChoice, b: AdapterChoice): boolean {
  return (
    a.applied.length === b.applied.length &&
    a.applied.every(({ digest, scale }, i) => digest === b.applied[i].digest && scale === b.applied[i].scale)
  );
}
