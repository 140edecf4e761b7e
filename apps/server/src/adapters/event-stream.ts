/** One event as its bytes go over the wire. */
export function formatEvent(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

const COMMENT = ': still here\n\n';

/** A stream for a response's body, and when it ended. */
export interface EventStream {
  readonly body: ReadableStream<Uint8Array>;
  /** Settles when the last event was handed over or the reader has gone. */
  readonly ended: Promise<void>;
}

/**
 * Events as a body. The next one is asked for only when the reader takes bytes, so a slow client slows its own stream alone;
 * a comment line goes out after each `heartbeatMs` of silence.
 * @param events formatted events; must not throw
 * @param onCancel called when the reader goes away before the end
 */
export function eventStream(events: AsyncIterable<string>, heartbeatMs: number, onCancel: () => void): EventStream {
  const iterator = events[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let markEnd: () => void;
  const ended = new Promise<void>((resolve) => (markEnd = resolve));
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => {
    clearTimeout(timer);
    markEnd();
  };
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const beat = () => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(COMMENT));
        timer = setTimeout(beat, heartbeatMs);
      };
      timer = setTimeout(beat, heartbeatMs);
    },
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) {
        stop();
        controller.close();
        return;
      }
      timer?.refresh();
      controller.enqueue(encoder.encode(value));
    },
    cancel() {
      stop();
      onCancel();
    },
  });
  return { body, ended };
}
