import fc from 'fast-check';
import { SlotPositions } from './slot-positions.js';

const sequence = (slot: number, startPosition: number, length: number) =>
  ({
    tokens: new Array<number>(length).fill(0),
    startPosition,
    pages: new Int32Array(0),
    slot,
    outputs: 'none',
  }) as const;

describe('SlotPositions', () => {
  it('lets a sequence go on where its slot is, however it is cut, and start anew at any time', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ slot: fc.nat(3), length: fc.integer({ min: 1, max: 9 }), restart: fc.boolean() })),
        (steps) => {
          const positions = new SlotPositions(4);
          const ends = [0, 0, 0, 0];
          for (const { slot, length, restart } of steps) {
            const start = restart ? 0 : ends[slot];
            const batch = [sequence(slot, start, length)];
            positions.begin(batch);
            positions.end(batch);
            ends[slot] = start + length;
            expect(() => positions.begin([sequence(slot, ends[slot] + 1, 1)])).toThrow(/goes on at position/);
          }
        },
      ),
    );
  });

  it('refuses to go on after a step that failed, until the sequence starts anew', () => {
    const positions = new SlotPositions(2);
    positions.begin([sequence(0, 0, 4)]);
    expect(() => positions.begin([sequence(0, 4, 1)])).toThrow(/no known position/);
    expect(() => positions.begin([sequence(0, 0, 4)])).not.toThrow();
  });

  it('refuses a slot that two sequences of a step share', () => {
    expect(() => new SlotPositions(2).begin([sequence(1, 0, 1), sequence(1, 0, 1)])).toThrow(/both have slot 1/);
  });
});
