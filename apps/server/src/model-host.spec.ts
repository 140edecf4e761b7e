import { isStarlingError, StarlingError } from '@starling/core';
import type { EngineEvent } from '@starling/engine';
import { fakeModel } from './fake-parts.test-support.js';
import { ModelHost, modelName, type HostedModel, type ModelLoader } from './model-host.js';

function hosted(name: string): HostedModel & { emit(event: EngineEvent): void; closed: number } {
  let listener: (event: EngineEvent) => void = () => undefined;
  return Object.assign(fakeModel({ name }), {
    closed: 0,
    on: (heard: (event: EngineEvent) => void) => ((listener = heard), () => undefined),
    emit: (event: EngineEvent) => listener(event),
    close(this: { closed: number }) {
      this.closed++;
      return Promise.resolve();
    },
  });
}

function errorFrom(run: () => unknown): StarlingError {
  try {
    run();
  } catch (error) {
    if (isStarlingError(error)) return error;
  }
  throw new TypeError('expected a StarlingError');
}

const host = (load: ModelLoader, onEvent: (event: EngineEvent) => void = () => undefined) => new ModelHost(load, onEvent);

describe('the models of a process', () => {
  it('are called as their files, without ending and part', () => {
    expect(modelName('/a/b/Llama-3.Q4_0.gguf')).toBe('Llama-3.Q4_0');
    expect(modelName('C:\\models\\big-00001-of-00003.gguf')).toBe('big');
  });

  it('are picked by name, the first one without', async () => {
    const models = host((_file, name) => Promise.resolve(hosted(name)));
    await models.load({ path: '/m/one.gguf' });
    await models.load({ path: '/m/two.gguf' });
    expect(models.pick().info.name).toBe('one');
    expect(models.pick('two').info.name).toBe('two');
    const missing = errorFrom(() => models.pick('three'));
    expect(missing.code).toBe('model_not_loaded');
    expect(missing.message).toContain('one, two');
  });

  it('stand in the list while they load and when they failed', async () => {
    let fail = (_: Error) => {};
    const models = host(() => new Promise((_, reject) => (fail = reject)));
    const loading = models.load({ path: '/m/one.gguf' });
    expect(models.list()).toEqual([{ name: 'one', state: 'loading', source: '/m/one.gguf' }]);
    expect(errorFrom(() => models.pick()).details).toMatchObject({ isLoading: true });
    fail(new StarlingError('invalid_model_file', 'cut short'));
    await expect(loading).rejects.toThrow('cut short');
    expect(models.list()).toEqual([{ name: 'one', state: 'failed', source: '/m/one.gguf' }]);
    expect(errorFrom(() => models.pick()).details).toMatchObject({ isLoading: false });
  });

  it('cannot share a name', async () => {
    const models = host((_file, name) => Promise.resolve(hosted(name)));
    await models.load({ path: '/a/same.gguf' });
    await expect(models.load({ path: '/b/same.gguf' })).rejects.toThrow('two models would be called "same"');
  });

  it('are heard and closed, every one', async () => {
    const made: ReturnType<typeof hosted>[] = [];
    const heard: EngineEvent[] = [];
    const models = host((_file, name) => {
      made.push(hosted(name));
      return Promise.resolve(made.at(-1)!);
    }, (event) => void heard.push(event));
    await models.load({ path: '/m/one.gguf' });
    await models.load({ path: '/m/two.gguf' });
    made[1].emit({ kind: 'request_rejected', model: 'two', id: 'r', code: 'queue_full' });
    expect(heard).toEqual([expect.objectContaining({ model: 'two' })]);
    await models.close({});
    expect(made.map(({ closed }) => closed)).toEqual([1, 1]);
    expect(models.list()).toEqual([]);
  });
});
