import { StarlingError } from '@starling/core';
import { fakeModel } from '../test/fake-model.js';
import { nextTask } from './breather.js';

const greedy = { temperature: 0 } as const;

/** A step that waits until the test lets it go. */
const gate = () => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
};

describe('cancelling', () => {
  it('ends an answer whose reader leaves, and gives its pages back', async () => {
    const { model, runtime } = fakeModel();
    for await (const part of model.generate({ ...greedy, prompt: 'abc' })) if (part.kind === 'token' && part.index === 3) break;
    await nextTask();
    expect(model.statistics()).toMatchObject({ running: 0, queued: 0, kv: { freePages: 256 } });
    const steps = runtime.steps.length;
    await nextTask();
    expect(runtime.steps.length).toBe(steps);
  });

  it('ends with what there is when the signal comes', async () => {
    const controller = new AbortController();
    const { model, events } = fakeModel({ onStep: (batch) => void (batch[0].startPosition === 5 && controller.abort()) });
    const done = await model.generate({ ...greedy, prompt: 'abc', signal: controller.signal }).result();
    expect(done).toMatchObject({ text: 'def', finishReason: 'cancelled', stopReason: { kind: 'cancelled' } });
    expect(events).toContainEqual(expect.objectContaining({ kind: 'request_ended', outcome: { kind: 'finished', finishReason: 'cancelled' } }));
  });

  it('ends before it begins when the signal has come already', async () => {
    const { model, runtime } = fakeModel();
    const done = await model.generate({ ...greedy, prompt: 'abc', n: 3, signal: AbortSignal.abort() }).result();
    expect(done).toMatchObject({ text: '', finishReason: 'cancelled', samples: [{}, { finishReason: 'cancelled' }, {}] });
    expect(runtime.steps).toEqual([]);
  });

  it('frees everything when half of 200 requests are cancelled at random', async () => {
    const { model } = fakeModel({ info: { pageCount: 40, maxSequences: 6 }, queueLimit: 300 });
    let random = 12345;
    const below = (limit: number): number => (random = (random * 1103515245 + 12345) % 2147483648) % limit;
    const runs = Array.from({ length: 200 }, async (_, i) => {
      const generation = model.generate({ ...greedy, tokens: Array.from({ length: 1 + below(60) }, (_unused, j) => (i + j) % 256), maxTokens: 40, n: 1 + (i % 3) });
      let left = i % 2 === 0 ? below(60) : Infinity;
      for await (const part of generation) {
        if (part.kind === 'token' && left-- === 0) break;
        if (part.kind === 'done') return part.finishReason;
      }
      return 'left';
    });
    const ends = await Promise.all(runs);
    expect(ends.filter((end) => end === 'left').length).toBeGreaterThan(50);
    await nextTask();
    expect(model.statistics()).toMatchObject({ running: 0, queued: 0, suspended: 0, kv: { freePages: 40, allocatedBytes: 0 } });
  });
});

describe('deadlines', () => {
  it('end an answer as it is', async () => {
    let now = 0;
    const { model } = fakeModel({ clock: () => now, onStep: () => void (now += 10) });
    const done = await model.generate({ ...greedy, prompt: 'abc', deadlineMs: 35 }).result();
    expect(done).toMatchObject({ text: 'defg', finishReason: 'deadline' });
  });

  it('fail a request that has not begun', async () => {
    let now = 0;
    const { model, events } = fakeModel({ clock: () => now, onStep: () => void (now += 10), info: { maxSequences: 1 } });
    const first = model.generate({ ...greedy, prompt: 'abc', maxTokens: 5 }).result();
    await expect(model.generate({ ...greedy, prompt: 'abc', deadlineMs: 20 }).result()).rejects.toMatchObject({ code: 'deadline_exceeded', details: { deadlineMs: 20 } });
    await expect(first).resolves.toMatchObject({ text: 'defgh' });
    expect(events).toContainEqual(expect.objectContaining({ kind: 'request_ended', outcome: { kind: 'failed', code: 'deadline_exceeded' } }));
  });
});

describe('limits', () => {
  it('refuse what the queue cannot take', async () => {
    const { model, events } = fakeModel({ info: { maxSequences: 1 }, queueLimit: 1 });
    const running = [model.generate({ ...greedy, prompt: 'a', maxTokens: 2 }), model.generate({ ...greedy, prompt: 'a', maxTokens: 2 })];
    expect(() => model.generate({ prompt: 'a' })).toThrow(expect.objectContaining({ code: 'queue_full', details: expect.objectContaining({ queueLimit: 1 }) }));
    expect(events.at(-1)).toMatchObject({ kind: 'request_rejected', code: 'queue_full' });
    for (const generation of running) await generation.result();
  });

  it('preempt when pages run out, and give the same tokens', async () => {
    const { model, events } = fakeModel({ info: { pageCount: 8, pageTokens: 4, contextLength: 64, maxSequences: 3 } });
    const answers = await Promise.all([0, 1, 2].map((i) => model.generate({ ...greedy, tokens: [i, i + 1, i + 2], maxTokens: 20 }).result()));
    expect(events.some(({ kind }) => kind === 'request_preempted')).toBe(true);
    answers.forEach(({ tokens }, i) => expect(tokens).toEqual(Array.from({ length: 20 }, (_, j) => i + 3 + j)));
  });
});

describe('failures', () => {
  it('run a step again when workers failed once', async () => {
    let failures = 0;
    const { model, events } = fakeModel({
      onStep: (batch) => {
        if (batch[0].startPosition === 5 && failures++ === 0) throw new StarlingError('worker_failed', 'a worker died');
      },
    });
    await expect(model.generate({ ...greedy, prompt: 'abc', maxTokens: 5 }).result()).resolves.toMatchObject({ text: 'defgh' });
    expect(events).toContainEqual({ kind: 'step_failed', model: 'fake', code: 'worker_failed', message: 'a worker died', willRetry: true });
  });

  it('end the requests of a step that fails for good, and no others', async () => {
    const { model } = fakeModel({
      info: { maxSequences: 1 },
      onStep: (batch) => {
        if (batch[0].tokens[0] === 99) throw new RangeError('a bug');
      },
    });
    const bad = model.generate({ ...greedy, prompt: 'c', maxTokens: 5 }).result();
    const good = model.generate({ ...greedy, prompt: 'x', maxTokens: 2 }).result();
    await expect(bad).rejects.toMatchObject({ code: 'internal', message: 'a bug' });
    await expect(good).resolves.toMatchObject({ text: 'yz' });
    expect(model.statistics()).toMatchObject({ running: 0, kv: { freePages: 256 } });
  });

  it.each([NaN, -Infinity])('end one answer when its logits are %p', async (value) => {
    const { model } = fakeModel({ logits: (logits, history) => logits.fill(history[0] === 98 ? value : 0) });
    await expect(model.generate({ prompt: 'b' }).result()).rejects.toMatchObject({ code: expect.stringMatching(/internal|unprocessable/) });
    await expect(model.generate({ prompt: 'a', maxTokens: 1 }).result()).resolves.toMatchObject({ finishReason: expect.any(String) });
  });

  it('give their error to a reader who comes late, and to one who reads twice nothing new', async () => {
    const { model } = fakeModel({ onStep: () => Promise.reject(new RangeError('a bug')) });
    const generation = model.generate({ ...greedy, prompt: 'c' });
    await nextTask();
    await expect(generation.result()).rejects.toMatchObject({ code: 'internal' });
    await expect(generation.result()).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});

describe('close', () => {
  it('lets everything end first, and refuses what comes meanwhile', async () => {
    const { model } = fakeModel({ info: { maxSequences: 1 } });
    const answers = [0, 1].map(() => model.generate({ ...greedy, prompt: 'abc', maxTokens: 5 }).result());
    const closed = model.close();
    expect(() => model.generate({ prompt: 'a' })).toThrow(expect.objectContaining({ code: 'shutting_down' }));
    await closed;
    for (const answer of answers) await expect(answer).resolves.toMatchObject({ text: 'defgh' });
    expect(() => model.generate({ prompt: 'a' })).toThrow(expect.objectContaining({ code: 'closed' }));
    await expect(model.embed('a')).rejects.toMatchObject({ code: 'closed' });
  });

  it('ends what is under way when told not to wait, also a step that hangs', async () => {
    const hold = gate();
    const { model } = fakeModel({ onStep: () => hold.opened });
    const answer = model.generate({ ...greedy, prompt: 'abc' }).result();
    await nextTask();
    const closed = model.close({ drain: false });
    // The fake's step ends when it is let go; a real runtime makes it fail when it is closed.
    hold.open();
    await expect(answer).rejects.toMatchObject({ code: 'shutting_down' });
    await closed;
  });

  it('waits no longer than it is told', async () => {
    const hold = gate();
    const { model } = fakeModel({ onStep: (batch) => (batch[0].startPosition > 10 ? hold.opened : undefined) });
    const answer = model.generate({ ...greedy, prompt: 'abc' }).result();
    setTimeout(hold.open, 60);
    await Promise.all([expect(answer).rejects.toMatchObject({ code: 'shutting_down' }), model.close({ timeoutMs: 20 })]);
  });
});

describe('the event loop', () => {
  it('gets a turn every few milliseconds, however fast the steps are', async () => {
    const { model } = fakeModel({ info: { vocabSize: 259, contextLength: 4096, pageCount: 512 } });
    const answers = Array.from({ length: 8 }, (_, i) => model.generate({ tokens: [i], maxTokens: 300, seed: i }).result());
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    await Promise.all(answers);
    clearInterval(timer);
    expect(longest).toBeLessThan(100);
  });
});
