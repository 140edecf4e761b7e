import { ComputeTurns } from './compute-turns.js';

describe('turns of teams', () => {
  it('are one at a time, and go round among those that always have something to do', async () => {
    const turns = new ComputeTurns();
    const computed: string[] = [];
    let computing = 0;
    const team = async (name: string): Promise<void> => {
      for (let step = 0; step < 4; step++) {
        await turns.during(async () => {
          computing++;
          computed.push(name);
          await Promise.resolve();
          expect(computing).toBe(1);
          computing--;
        });
      }
    };
    await Promise.all([team('a'), team('b'), team('c')]);
    expect(computed.join('')).toBe('abcabcabcabc');
  });

  it('go on after work that fails', async () => {
    const turns = new ComputeTurns();
    const failing = turns.during(() => Promise.reject(new ReferenceError('of one')));
    let isDone = false;
    const next = turns.during(() => Promise.resolve(void (isDone = true)));
    await expect(failing).rejects.toThrow('of one');
    await next;
    expect(isDone).toBe(true);
  });

  it('say how long they were waited for', async () => {
    let now = 0;
    const turns = new ComputeTurns(() => now);
    const work = (ms: number) => turns.during(() => Promise.resolve().then(() => void (now += ms)));
    expect(await Promise.all([work(5), work(7), work(1)])).toEqual([0, 5, 12]);
    expect(await work(3)).toBe(0);
  });
});
