import fc from 'fast-check';
import { StopMonitor } from './stop-monitor.js';

/** Pushes the pieces; gives what was shown of them and what stopped. */
function run(stop: readonly string[], pieces: readonly string[]): { shown: string; stopped?: string } {
  const monitor = new StopMonitor(stop);
  let shown = '';
  for (const piece of pieces) {
    const { emit, stopped } = monitor.push(piece);
    shown += emit;
    if (stopped !== undefined) return { shown, stopped };
  }
  return { shown: shown + monitor.flush() };
}

describe('StopMonitor', () => {
  it('finds a stop string over the borders of pieces and never shows any of it', () => {
    expect(run(['\nUser:'], ['Hello', '\n', 'Us', 'er', ': you'])).toEqual({ shown: 'Hello', stopped: '\nUser:' });
  });

  it('shows what looked like a stop string and was none', () => {
    const monitor = new StopMonitor(['###']);
    expect(monitor.push('a#').emit).toBe('a');
    expect(monitor.push('#').emit).toBe('');
    expect(monitor.push('b##').emit).toBe('##b');
    expect(monitor.flush()).toBe('##');
    expect(monitor.flush()).toBe('');
  });

  it('holds back no more than the beginning of a stop string', () => {
    expect(new StopMonitor(['aab']).push('aaa').emit).toBe('a');
  });

  it('stops at the stop string that begins first, and at the one listed first where two begin', () => {
    expect(run(['cd', 'bcd'], ['abcd'])).toEqual({ shown: 'a', stopped: 'bcd' });
    expect(run(['ab', 'abc'], ['xabc'])).toEqual({ shown: 'x', stopped: 'ab' });
  });

  it('shows nothing after it stopped', () => {
    const monitor = new StopMonitor(['b']);
    monitor.push('ab');
    expect(monitor.push('cd')).toEqual({ emit: '', stopped: 'b' });
    expect(monitor.flush()).toBe('');
  });

  it('ignores empty stop strings', () => {
    expect(run(['', 'x'], ['ab'])).toEqual({ shown: 'ab' });
    expect(run([], ['ab', 'c'])).toEqual({ shown: 'abc' });
  });

  it('is forked with what it holds', () => {
    const monitor = new StopMonitor(['ab']);
    monitor.push('xa');
    const fork = monitor.fork();
    expect(monitor.push('b')).toEqual({ emit: '', stopped: 'ab' });
    expect(fork.push('c')).toEqual({ emit: 'ac' });
  });

  it('loses nothing and shows nothing of a stop string, for any text in any pieces', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c', 'é', '😀'), { maxLength: 12 })
      .map((letters) => letters.join(''));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 3 }), fc.array(text, { maxLength: 12 }), (stop, pieces) => {
        const whole = pieces.join('');
        const found = stop.filter((one) => one !== '' && whole.includes(one));
        const { shown, stopped } = run(stop, pieces);
        if (found.length === 0) {
          expect({ shown, stopped }).toEqual({ shown: whole, stopped: undefined });
        } else {
          expect(found).toContain(stopped);
          expect(whole.startsWith(shown + stopped)).toBe(true);
          expect(stop.some((one) => one !== '' && shown.includes(one))).toBe(false);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
