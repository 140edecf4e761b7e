// Loaded into the server before it: tells on demand for how long its serving thread worked without a turn of the event loop. By the thread's own
// processor time, where Node tells it (24 does): what else runs on the machine does not count.
import { isMainThread } from 'node:worker_threads';

if (isMainThread && process.send !== undefined && process.threadCpuUsage !== undefined) {
  const worked = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let last = worked();
  let stretches = [];
  setInterval(() => {
    const now = worked();
    stretches.push(now - last);
    last = now;
  }, 1).unref();
  process.on('message', () => {
    process.send(stretches);
    stretches = [];
    last = worked();
  });
  process.channel?.unref();
}
