import type { Tokenizer } from '@starling/tokenizer';
import type { AsideReply, AsideRequest, AsideThread } from '../src/aside/aside-job.js';
import { buffersOf, doJob } from '../src/aside/do-job.js';

/** A thread for long work that is none: it does its jobs in turn, by what goes over a border of threads. */
export function asideThread(
  tokenizer: Tokenizer,
  onJob: (request: AsideRequest) => void = () => undefined,
): AsideThread {
  let tell: (reply: AsideReply) => void = () => undefined;
  let isEnded = false;
  return {
    post(request) {
      const copy = structuredClone(request);
      onJob(copy);
      void doJob(copy, () => Promise.resolve(tokenizer)).then((reply) => {
        const there = structuredClone(reply, { transfer: 'result' in reply ? buffersOf(reply.result) : [] });
        setTimeout(() => isEnded || tell(there));
      });
    },
    onReply: (listener) => void (tell = listener),
    onEnd: () => undefined,
    terminate: () => void (isEnded = true),
  };
}
