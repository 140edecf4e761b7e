/** Work that gives way from time to time: whoever goes on with it may let others run in between. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Does such work in one go. */
export function settle<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
