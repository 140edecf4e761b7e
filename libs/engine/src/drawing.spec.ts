import { StarlingError } from '@starling/core';
import type { TokenMask } from '@starling/grammar';
import { fakeModel } from '../test/fake-model.js';
import type { OutputMatcher } from './constraint.js';

const A = 97;

/** A matcher of any text, whose masks take until `isKnown` says so. */
function slowMatcher(isKnown: () => boolean, vocabSize: number, onAsked: () => void): OutputMatcher {
  const mask: TokenMask = { words: new Uint32Array((vocabSize + 31) >>> 5).fill(0xffffffff), vocabSize };
  let wasAsked = false;
  const matcher: OutputMatcher = {
    isDone: false,
    canEnd: true,
    // What is drawn first is not allowed: the mask is asked for.
    accepts: () => wasAsked,
    advance: () => undefined,
    mask: () => mask,
    ending: () => undefined,
    *endingSteps() {
      return undefined;
    },
    *maskSteps() {
      wasAsked = true;
      onAsked();
      while (!isKnown()) yield;
      return mask;
    },
    forced: () => [],
    fork: () => matcher,
  };
  return matcher;
}

function setUp() {
  let isKnown = false;
  let error: StarlingError | undefined;
  const isOver = (): boolean => {
    if (error) throw error;
    return isKnown;
  };
  let tell = (): void => undefined;
  const asked = new Promise<void>((resolve) => (tell = resolve));
  // Each look at the clock takes a millisecond: pieces of work are over after some of their steps.
  let now = 0;
  const { model } = fakeModel({
    logits: (logits: Float32Array) => void logits.fill(0).fill(20, A, A + 1),
    clock: () => now++,
    compileConstraint: () => slowMatcher(isOver, model.tokenizer.vocabSize, tell),
  });
  return { model, asked, know: () => (isKnown = true), fail: (thrown: StarlingError) => (error = thrown) };
}

describe('a token that takes long to choose', () => {
  it('holds up no other answer', async () => {
    const { model, asked, know } = setUp();
    const order: string[] = [];
    const slow = model.generate({ prompt: 'a', regex: 'a*', maxTokens: 3 }).result();
    void slow.then(() => order.push('slow'));
    await asked;
    const others = await Promise.all([1, 2].map(() => model.generate({ prompt: 'b', maxTokens: 40 }).result()));
    order.push('others');
    know();
    expect((await slow).text).toBe('aaa');
    expect(others.map(({ text }) => text.length)).toEqual([40, 40]);
    expect(order).toEqual(['others', 'slow']);
    await model.close();
  });

  it('is given up where its request is cancelled, or its model is closed', async () => {
    const { model, asked } = setUp();
    const cancelled = model.generate({ prompt: 'a', regex: 'a*', maxTokens: 3 });
    await asked;
    cancelled.cancel();
    expect((await cancelled.result()).finishReason).toBe('cancelled');
    const closed = model.generate({ prompt: 'a', regex: 'a*', maxTokens: 3 }).result();
    const failed = expect(closed).rejects.toMatchObject({ code: 'shutting_down' });
    await model.generate({ prompt: 'b', maxTokens: 20 }).result();
    await model.close({ drain: false });
    await failed;
  });

  it('ends its request alone where it cannot be chosen', async () => {
    const { model, asked, fail } = setUp();
    const slow = model.generate({ prompt: 'a', regex: 'a*', maxTokens: 3 }).result();
    await asked;
    const other = model.generate({ prompt: 'b', maxTokens: 20 }).result();
    fail(new StarlingError('invalid_grammar', 'nothing can follow'));
    await expect(slow).rejects.toMatchObject({ code: 'invalid_grammar' });
    expect((await other).text).toHaveLength(20);
    await model.close();
  });
});
