import { parentPort } from 'node:worker_threads';

/** What is sent, as the body's JSON. */
export interface SendOrder {
  readonly url: string;
  readonly body: string;
}

/** The status that it was answered with. */
export type SendReport = number;

// A thread of its own: bodies of many megabytes would hold up who measures what others notice.
parentPort!.on('message', async ({ url, body }: SendOrder) => {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  for await (const _ of response.body!);
  parentPort!.postMessage(response.status satisfies SendReport);
});
