import { StarlingError } from '@starling/core';
import { until } from '../../../tools/jest/until.js';
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
    for await (const part of model.generate({ ...greedy, prompt: 'abc' }))
      if (part.kind === 'token' && part.index === 3) break;
    await until(() => model.statistics().running === 0);
    expect(model.statistics()).toMatchObject({ running: 0, queued: 0, kv: { freePages: 256 } });
    const steps = runtime.steps.length;
    await model.generate({ ...greedy, prompt: 'xyz', maxTokens: 1 }).result();
    expect(runtime.steps.slice(steps)).toEqual([{ tokens: 3, sequences: 1 }]);
  });

  it('ends with what there is when the signal comes', async () => {
    const controller = new AbortController();
    const { model, events } = fakeModel({
      onStep: (batch) => void (batch[0].startPosition === 5 && controller.abort()),
    });
    const done = await model.generate({ ...greedy, prompt: 'abc', signal: controller.signal }).result();
    expect(done).toMatchObject({ text: 'def', finishReason: 'cancelled', stopReason: { kind: 'cancelled' } });
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'request_ended', outcome: { kind: 'finished', finishReason: 'cancelled' } }),
    );
  });

  it('ends before it begins when the signal has come already', async () => {
    const { model, runtime } = fakeModel();
    const done = await model.generate({ ...greedy, prompt: 'abc', n: 3, signal: AbortSignal.abort() }).result();
    expect(done).toMatchObject({
      text: '',
      finishReason: 'cancelled',
      samples: [{}, { finishReason: 'cancelled' }, {}],
    });
    expect(runtime.steps).toEqual([]);
  });

  it('frees everything when half of 200 requests are cancelled at random', async () => {
    const { model } = fakeModel({ info: { pageCount: 40, maxSequences: 6 }, queueLimit: 300 });
    let random = 12345;
    const below = (limit: number): number => (random = (random * 1103515245 + 12345) % 2147483648) % limit;
    const runs = Array.from({ length: 200 }, async (_, i) => {
      const generation = model.generate({
        ...greedy,
        tokens: Array.from({ length: 1 + below(60) }, (_unused, j) => (i + j) % 256),
        maxTokens: 40,
        n: 1 + (i % 3),
      });
      let left = i % 2 === 0 ? below(60) : Infinity;
      for await (const part of generation) {
        if (part.kind === 'token' && left-- === 0) break;
        if (part.kind === 'done') return part.finishReason;
      }
      return 'left';
    });
    const ends = await Promise.all(runs);
    expect(ends.filter((end) => end === 'left').length).toBeGreaterThan(50);
    await until(() => model.statistics().running === 0 && model.statistics().queued === 0);
    expect(model.statistics()).toMatchObject({
      running: 0,
      queued: 0,
      suspended: 0,
      kv: { freePages: 40, allocatedBytes: 0 },
    });
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
    const { model, events } = fakeModel({
      clock: () => now,
      onStep: () => void (now += 10),
      info: { maxSequences: 1 },
    });
    const first = model.generate({ ...greedy, prompt: 'abc', maxTokens: 5 }).result();
    await expect(model.generate({ ...greedy, prompt: 'abc', deadlineMs: 20 }).result()).rejects.toMatchObject({
      code: 'deadline_exceeded',
      details: { reason: 'rejected-ttl-expired', workSpent: false },
    });
    await expect(first).resolves.toMatchObject({ text: 'defgh' });
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'request_ended', outcome: { kind: 'failed', code: 'deadline_exceeded' } }),
    );
  });
});

describe('limits', () => {
  it('refuse what the queue cannot take', async () => {
    const { model, events } = fakeModel({ info: { maxSequences: 1 }, queueLimit: 1 });
    const running = [
      model.generate({ ...greedy, prompt: 'a', maxTokens: 2 }),
      model.generate({ ...greedy, prompt: 'a', maxTokens: 2 }),
    ];
    expect(() => model.generate({ prompt: 'a' })).toThrow(
      expect.objectContaining({ code: 'queue_full', details: expect.objectContaining({ queueLimit: 1 }) }),
    );
    expect(events.at(-1)).toMatchObject({ kind: 'request_rejected', code: 'queue_full' });
    for (const generation of running) await generation.result();
  });

  it('of the queue are those of the moment, where they may change', async () => {
    let queueLimit = 0;
    const { model } = fakeModel({ info: { maxSequences: 1 }, queueLimits: () => ({ queueLimit }) });
    const ask = () => model.generate({ ...greedy, prompt: 'a', maxTokens: 2 });
    const running = [ask()];
    expect(ask).toThrow(expect.objectContaining({ code: 'queue_full' }));
    queueLimit = 1;
    running.push(ask());
    expect(ask).toThrow(
      expect.objectContaining({ code: 'queue_full', details: expect.objectContaining({ queueLimit: 1 }) as object }),
    );
    expect(model.statistics().queueLimit).toBe(1);
    for (const generation of running) await generation.result();
  });

  it('preempt when pages run out, and give the same tokens', async () => {
    const { model, events } = fakeModel({ info: { pageCount: 8, pageTokens: 4, contextLength: 64, maxSequences: 3 } });
    const answers = await Promise.all(
      [0, 1, 2].map((i) => model.generate({ ...greedy, tokens: [i, i + 1, i + 2], maxTokens: 20 }).result()),
    );
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
    await expect(model.generate({ ...greedy, prompt: 'abc', maxTokens: 5 }).result()).resolves.toMatchObject({
      text: 'defgh',
    });
    expect(events).toContainEqual({
      kind: 'step_failed',
      model: 'fake',
      code: 'worker_failed',
      message: 'a worker died',
      willRetry: true,
    });
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

  it.each([
    [NaN, {}],
    [-Infinity, {}],
    [NaN, greedy],
    [-Infinity, greedy],
    [NaN, { grammar: 'root ::= "c"' }],
  ])(
    'end one answer when its logits are %p (%j), naming the request, and leave those beside it',
    async (value, sampling) => {
      const { model } = fakeModel({
        logits: (logits, history) => void logits.fill(history[0] === 98 && history.length > 1 ? value : 0),
      });
      const beside = model.generate({ ...sampling, prompt: 'aa', maxTokens: 2 }).result();
      await expect(model.generate({ ...sampling, id: 'broken', prompt: 'bb' }).result()).rejects.toMatchObject({
        code: 'internal',
        message: expect.stringContaining('request broken') as string,
        details: { request: 'broken', sample: 0, token: 0 },
      });
      await expect(beside).resolves.toMatchObject({ finishReason: expect.any(String) });
    },
  );

  it('are memory that ran out where an allocation failed: the step is tried again', async () => {
    let failures = 0;
    const { model, events } = fakeModel({
      onStep: () => {
        if (failures++ === 0) throw new RangeError('Array buffer allocation failed');
      },
    });
    await expect(model.generate({ ...greedy, prompt: 'abc', maxTokens: 2 }).result()).resolves.toMatchObject({
      text: 'de',
    });
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'step_failed', code: 'out_of_memory', willRetry: true }),
    );
  });

  it('give their error to whoever reads, late and twice too', async () => {
    const { model } = fakeModel({ onStep: () => Promise.reject(new RangeError('a bug')) });
    const generation = model.generate({ ...greedy, prompt: 'c' });
    await nextTask();
    await expect(generation.result()).rejects.toMatchObject({ code: 'internal' });
    await expect(generation.result()).rejects.toMatchObject({ code: 'internal' });
    await expect(generation.textStream().getReader().read()).rejects.toMatchObject({ code: 'internal' });
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
    let isHeld = false;
    const { model } = fakeModel({ onStep: () => ((isHeld = true), hold.opened) });
    const answer = model.generate({ ...greedy, prompt: 'abc' }).result();
    await until(() => isHeld);
    const closed = model.close({ drain: false });
    // The fake's step ends when it is let go; a real runtime makes it fail when it is closed.
    hold.open();
    await expect(answer).rejects.toMatchObject({ code: 'shutting_down' });
    await closed;
  });

  it('waits no longer than it is told', async () => {
    // No answer comes to the end of such a context by then.
    const { model } = fakeModel({ info: { contextLength: 65_536, pageCount: 4096 }, onStep: nextTask });
    const answer = model.generate({ ...greedy, prompt: 'abc', ignoreEos: true }).result();
    await Promise.all([
      expect(answer).rejects.toMatchObject({ code: 'shutting_down' }),
      model.close({ timeoutMs: 20 }),
    ]);
  });
});

describe('the event loop', () => {
  it('gets a turn every few milliseconds, however fast the steps are', async () => {
    let now = 0;
    let steps = 0;
    let stepsInTurn = 0;
    let longest = 0;
    const { model } = fakeModel({
      info: { vocabSize: 259, contextLength: 4096, pageCount: 512 },
      clock: () => now,
      onStep: () => {
        now += 1;
        steps += 1;
        longest = Math.max(longest, ++stepsInTurn);
      },
    });
    let isOver = false;
    const turns = (async () => {
      for (; !isOver; stepsInTurn = 0) await nextTask();
    })();
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => model.generate({ tokens: [i], maxTokens: 300, seed: i }).result()),
    );
    isOver = true;
    await turns;
    expect(steps).toBeGreaterThan(20);
    // A step takes a millisecond of this clock.
    expect(longest).toBeLessThanOrEqual(6);
  });
});
