// Loaded by a server that is looked at: on SIGUSR2 it collects its garbage and writes to the error output what is left, as one line of JSON.
import v8 from 'node:v8';
import vm from 'node:vm';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc');
  process.on('SIGUSR2', () => {
    // What is freed by a first collection may let go of more.
    collect();
    setImmediate(() => {
      collect();
      const { heapUsed, external } = process.memoryUsage();
      process.stderr.write(`\n${JSON.stringify({ collectedBytes: heapUsed + external })}\n`);
    });
  });
}
