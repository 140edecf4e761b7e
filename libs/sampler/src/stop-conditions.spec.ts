import { deadlineAfter } from '@starling/core';
import { finishReasonOf, StopConditions, type StopReason } from './stop-conditions.js';

describe('StopConditions', () => {
  it('stops at any of the tokens that end a generation, and shows what was held back', () => {
    const conditions = new StopConditions({ endOfGeneration: new Set([2, 9]), stop: ['##'] });
    expect(conditions.accept(5, 'a#')).toEqual({ emit: 'a' });
    expect(conditions.accept(9, '')).toEqual({ emit: '#', reason: { kind: 'end_of_generation', id: 9 } });
  });

  it('goes on over end tokens where none are given', () => {
    expect(new StopConditions({}).accept(2, '')).toEqual({ emit: '' });
  });

  it('stops at a stop string before it looks at limits', () => {
    const conditions = new StopConditions({ stop: ['b'], maxTokens: 1 });
    expect(conditions.accept(1, 'abc')).toEqual({ emit: 'a', reason: { kind: 'stop_string', text: 'b' } });
  });

  it('stops after the last token allowed, and at the end of the context', () => {
    const conditions = new StopConditions({ maxTokens: 2, stop: ['xyz'] });
    expect(conditions.accept(1, 'ax').reason).toBeUndefined();
    expect(conditions.accept(1, 'bx')).toEqual({ emit: 'xbx', reason: { kind: 'max_tokens', limit: 2 } });
    const context = new StopConditions({ contextTokens: 10, promptTokens: 8 });
    expect(context.accept(1, 'a').reason).toBeUndefined();
    expect(context.accept(1, 'b').reason).toEqual({ kind: 'context_end', limit: 10 });
  });

  it('stops when the deadline has passed', () => {
    let now = 0;
    const conditions = new StopConditions({ deadline: deadlineAfter(100, () => now) });
    expect(conditions.accept(1, 'a').reason).toBeUndefined();
    now = 100;
    expect(conditions.accept(1, 'b')).toEqual({ emit: 'b', reason: { kind: 'deadline' } });
  });

  it('can be ended from outside', () => {
    const conditions = new StopConditions({ stop: ['ab'] });
    conditions.accept(1, 'xa');
    expect(conditions.end({ kind: 'cancelled' })).toEqual({ emit: 'a', reason: { kind: 'cancelled' } });
  });
});

it.each<[StopReason, string]>([
  [{ kind: 'end_of_generation', id: 2 }, 'stop'],
  [{ kind: 'stop_string', text: 'x' }, 'stop'],
  [{ kind: 'constraint_complete' }, 'stop'],
  [{ kind: 'max_tokens', limit: 2 }, 'length'],
  [{ kind: 'context_end', limit: 2 }, 'length'],
  [{ kind: 'deadline' }, 'deadline'],
  [{ kind: 'cancelled' }, 'cancelled'],
])('%p finishes as %s', (reason, word) => expect(finishReasonOf(reason)).toBe(word));
