import { Emitter } from './events.js';

describe('Emitter', () => {
  it('tells every listener, until it is taken off', () => {
    const emitter = new Emitter<number>();
    const seen: number[] = [];
    const off = emitter.on((event) => seen.push(event));
    emitter.on((event) => seen.push(event * 10));
    emitter.emit(1);
    off();
    emitter.emit(2);
    expect(seen).toEqual([1, 10, 20]);
  });
});
