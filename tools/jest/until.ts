import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 5;

/**
 * Waits until a condition holds, with the limit of the test as the only one: how fast the machine is decides nothing. For what must not
 * happen, wait for something that comes later, then look.
 */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  // A wait of a test that has failed keeps no process alive.
  while (!(await isSo())) await sleep(LOOK_MS, undefined, { ref: false });
}
