import { StarlingError } from '@starling/core';
import type { RegisteredModel } from '@starling/engine';
import { ModelPool, type PoolLimits } from './model-pool.js';
import type { Hold } from './residence.js';

const ever = new AbortController().signal;
const memoryOf = (totalBytes: number) => ({ weightBytes: totalBytes, kvBytes: 0, scratchBytes: 0, totalBytes });

/** A registry of models that are called by a letter and their size: `a10`. Loads and unloads end when the test says so. */
export function setUpPool({
  limitBytes = 100,
  ...limits
}: Partial<PoolLimits> & { readonly limitBytes?: number } = {}) {
  const entries = new Map<string, { -readonly [Key in keyof RegisteredModel]: RegisteredModel[Key] }>();
  const calls: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const sizeOf = (name: string) => Number(name.slice(1));
  const now = { ms: 0 };
  const step = (call: string) => {
    calls.push(call);
    return new Promise<void>((resolve, reject) => ends.set(call, (error) => (error ? reject(error) : resolve())));
  };
  const pool: ModelPool = new ModelPool(
    {
      list: () => [...entries.values()],
      memory: () => ({
        limitBytes,
        usedBytes: [...entries.values()].reduce((sum, { memory }) => sum + (memory?.totalBytes ?? 0), 0),
      }),
      isKnown: (name) => !name.startsWith('x'),
      estimate: (name) =>
        name.startsWith('e')
          ? Promise.reject(new StarlingError('invalid_model_file', name))
          : Promise.resolve(memoryOf(sizeOf(name))),
      async load(name) {
        if (sizeOf(name) > limitBytes) throw new StarlingError('out_of_memory', name);
        entries.set(name, { name, source: name, state: 'loading', memory: memoryOf(sizeOf(name)) });
        try {
          await step(`load ${name}`);
          entries.get(name)!.state = 'ready';
        } catch (error) {
          entries.set(name, { name, source: name, state: 'failed' });
          throw error;
        }
      },
      async unload(name) {
        entries.get(name)!.state = 'draining';
        await step(`unload ${name}`);
        entries.delete(name);
      },
      onError: (error) => void calls.push(String(error)),
      clock: () => ++now.ms,
    },
    { maxLoaded: Infinity, maxWaiting: 8, keepAliveMs: Infinity, ...limits },
  );
  /** Lets promises settle. */
  const turn = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  const end = async (call: string, error?: Error) => {
    await turn();
    const finish = ends.get(call);
    if (!finish) throw new ReferenceError(`"${call}" was not called; ${calls.join(', ')} were`);
    ends.delete(call);
    finish(error);
    await turn();
  };
  const hold = (name: string, signal = ever) => pool.hold(name, signal);
  const loaded = async (name: string): Promise<Hold> => {
    const held = hold(name);
    await end(`load ${name}`);
    return held;
  };
  return {
    pool,
    calls,
    /** Loads and unloads that have not ended. */
    pending: () => [...ends.keys()],
    end,
    turn,
    hold,
    loaded,
    names: () => [...entries.values()].map(({ name, state }) => `${name} ${state}`),
    entries,
  };
}

export const settledWith = async (promise: Promise<unknown>) =>
  promise.then(
    () => 'held',
    (error: { code: string }) => error.code,
  );
