import { StarlingError } from '@starling/core';

/** What a stream of events says that has nothing to say. */
export const COMMENT = ': still here\n\n';

/** How the events of a stream go over the wire. */
export interface StreamOptions {
  /** Sent at once unless an event is there at once, so that the client has a first byte while its request waits. Absent: nothing is. */
  readonly opening?: string;
  /** Milliseconds of silence after which a comment goes out; absent where the form has no comments. */
  readonly heartbeatMs?: number;
  /** What means nothing where no event is half sent: a comment by default. */
  readonly filler?: string;
  /** Calls what it is given when it matters whether the reader hears anything. */
  readonly whenLookedAt?: (speak: () => void) => void;
  /** Milliseconds for which a reader may take nothing of what is there for it, until it is cut; absent: as long as it likes. */
  readonly stallMs?: number;
  /** Called when the reader goes away before the end. */
  readonly onCancel: () => void;
}

/** A stream for a response's body, and when it ended. */
export interface EventStream {
  readonly body: ReadableStream<Uint8Array>;
  /** Settles when the last event was handed over or the reader has gone. */
  readonly ended: Promise<void>;
}

/**
 * Events as a body. The next one is asked for only when the reader takes bytes, so a slow client slows its own stream alone.
 * @param events formatted events, or parts of them one after another; what they throw cuts the body
 */
export function eventStream(
  events: AsyncIterable<string | Uint8Array>,
  { opening, heartbeatMs, filler = COMMENT, whenLookedAt, stallMs, onCancel }: StreamOptions,
): EventStream {
  const iterator = events[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let markEnd: () => void;
  const ended = new Promise<void>((resolve) => (markEnd = resolve));
  let timer: ReturnType<typeof setTimeout> | undefined;
  let openingTimer: ReturnType<typeof setTimeout> | undefined;
  let hasBegun = false;
  /** No event is half sent. */
  let isBetween = true;
  /** One for the whole stream, which events only put off. */
  let stallTimer: ReturnType<typeof setTimeout> | undefined;
  /** There is something that the reader has not asked to go on from. */
  let isUntaken = false;
  const stop = () => {
    clearTimeout(stallTimer);
    clearTimeout(timer);
    clearTimeout(openingTimer);
    markEnd();
  };
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const open = () => {
        if (!hasBegun && opening !== undefined) controller.enqueue(encoder.encode(opening));
      };
      openingTimer = setTimeout(open);
      const speak = (): void => {
        if (isBetween && (controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(filler));
      };
      whenLookedAt?.(speak);
      if (heartbeatMs === undefined) return;
      const beat = () => {
        speak();
        timer = setTimeout(beat, heartbeatMs).unref();
      };
      // Connections keep a process alive, not what is said on them.
      timer = setTimeout(beat, heartbeatMs).unref();
    },
    async pull(controller) {
      isUntaken = false;
      const { done, value } = await iterator.next().catch((error: unknown) => {
        stop();
        throw error;
      });
      hasBegun = true;
      if (done) {
        stop();
        controller.close();
        return;
      }
      timer?.refresh();
      isBetween = typeof value === 'string' && value.endsWith('\n');
      controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value);
      if (stallMs === undefined) return;
      isUntaken = true;
      stallTimer =
        stallTimer?.refresh() ??
        setTimeout(() => {
          if (!isUntaken) return;
          stop();
          onCancel();
          controller.error(new StarlingError('cancelled', `the client took nothing of its answer for ${stallMs} ms`));
          void iterator.return?.().catch(() => undefined);
        }, stallMs).unref();
    },
    cancel() {
      stop();
      onCancel();
      // Whoever makes the events may clean up; what that throws is nobody's any more.
      void iterator.return?.().catch(() => undefined);
    },
  });
  return { body, ended };
}
