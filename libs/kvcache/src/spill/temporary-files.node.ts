import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';

/** What is written for longer belongs to nobody any more, whoever began it. */
const LONGEST_WRITE_MS = 2 * 3_600_000;
const ENDING = '.tmp';
const NAME = /\.([0-9a-f]{8})-(\d+)-([0-9a-f]{8})-\d+\.tmp$/;

/** Which machine this is, as far as numbers of processes mean the same on it: containers of one name may count theirs apart. */
const MACHINE = createHash('sha256').update(`${os.hostname()} ${processSpace()}`).digest('hex').slice(0, 8);
/** Numbers of processes come again: in a container, each is the first. */
const PROCESS = randomUUID().slice(0, 8);
let count = 0;

function processSpace(): string {
  try {
    return fs.readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** A name beside `path` for what becomes that file: no other write has it, of this process or another. */
export function temporaryOf(path: string): string {
  return `${path}.${MACHINE}-${process.pid}-${PROCESS}-${count++}${ENDING}`;
}

/** Whether a file's name is that of one that is being written, or was. */
export const isTemporary = (name: string): boolean => name.endsWith(ENDING);

/** Whether nobody writes a file any more: its process is gone, or it is old. */
export function isLeftBehind(name: string, changedMs: number, now = Date.now()): boolean {
  if (now - changedMs > LONGEST_WRITE_MS) return true;
  const [, machine, pid, own] = NAME.exec(name) ?? [];
  if (machine !== MACHINE) return false;
  return Number(pid) === process.pid ? own !== PROCESS : !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // It is there, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
