// Ends with npm where npm started this process. A signal that ends npm may end its shell, or leave it, but never reaches the command
// they run, which would go on as an orphan.
import fs from 'node:fs';

const CHECK_MS = 500;

/** The parent, and the parent's parent (npm) where the parent is npm's shell and the system tells (Linux); it changes when one of them is gone. */
function ancestors() {
  const parent = process.ppid;
  try {
    // "pid (name) state ppid ...": a name may hold anything but is closed by the last parenthesis.
    const stat = fs.readFileSync(`/proc/${parent}/stat`, 'utf8');
    const close = stat.lastIndexOf(')');
    const isShell = /^(ba|da|a|z)?sh$|^busybox$/.test(stat.slice(stat.indexOf('(') + 1, close));
    return isShell ? `${parent} ${stat.slice(close + 2).split(' ')[1]}` : `${parent}`;
  } catch {
    return `${parent}`;
  }
}

/** Where npm runs this process: asks it to end (SIGTERM to itself) as soon as npm or its shell is gone. */
export function followParent(environment = process.env) {
  if (environment.npm_lifecycle_event === undefined) return;
  const before = ancestors();
  const timer = setInterval(() => {
    if (ancestors() === before) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, CHECK_MS);
  timer.unref();
}
