import v8 from 'node:v8';
import vm from 'node:vm';
import { until } from './until.js';

let gc: (() => void) | undefined;

/** Waits until nothing holds an object any more, with the limit of the test as the only one. */
export async function collected(object: WeakRef<object>): Promise<void> {
  v8.setFlagsFromString('--expose-gc');
  const collect = (gc ??= vm.runInNewContext('gc') as () => void);
  await until(() => {
    collect();
    return object.deref() === undefined;
  });
}
