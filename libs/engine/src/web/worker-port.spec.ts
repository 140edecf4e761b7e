import { StarlingError } from '@starling/core';
import type { FromWorker } from './messages.js';
import { WorkerPort } from './worker-port.js';

/** A worker that answers what it is told to. */
function fakeWorker() {
  const sent: { readonly kind: string; readonly id: number }[] = [];
  let hear: ((event: { readonly data: FromWorker }) => void) | undefined;
  const worker = {
    addEventListener: (type: string, listener: (event: { readonly data: FromWorker }) => void) =>
      void (type === 'message' && (hear = listener)),
    postMessage: (message: { readonly kind: string; readonly id: number }) => void sent.push(message),
    terminate: () => undefined,
  };
  return { port: new WorkerPort(worker as unknown as Worker), sent, answer: (data: FromWorker) => hear?.({ data }) };
}

const asked = { kind: 'call', call: 'statistics', given: [] } as const;

describe('the page’s end of the way to the worker', () => {
  it('refuses what comes after the end in its own words, with a signal, too', async () => {
    const { port, sent } = fakeWorker();
    port.end(new StarlingError('closed', 'the model is closed'));
    await expect(port.request(asked)).rejects.toMatchObject({ code: 'closed' });
    await expect(port.request(asked, { signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'closed',
    });
    expect(sent).toEqual([]);
  });

  it('tells the worker when nobody wants an answer any more, and once it is there no more', async () => {
    const { port, sent, answer } = fakeWorker();
    const [left, kept] = [new AbortController(), new AbortController()];
    const first = port.request(asked, { signal: left.signal });
    left.abort();
    expect(sent).toMatchObject([
      { kind: 'call', id: 0 },
      { kind: 'cancel', id: 0 },
    ]);
    answer({ kind: 'done', id: 0, value: 1 });
    expect(await first).toBe(1);
    const second = port.request(asked, { signal: kept.signal });
    answer({ kind: 'done', id: 1, value: 2 });
    expect(await second).toBe(2);
    kept.abort();
    expect(sent.at(-1)).toMatchObject({ kind: 'call', id: 1 });
  });
});
