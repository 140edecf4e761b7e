import type { AnswerDelta, ToolCall } from '@starling/chat';
import type { CallIds } from '@starling/engine';

/** What a stream tells of a call, in OpenAI's shape, which is ours. Its id, type and name come once; clients take a second time for another call. */
export function callDelta(
  delta: Extract<AnswerDelta, { readonly kind: 'call' | 'arguments' }>,
  sample: number,
  callIds: CallIds,
): object {
  return delta.kind === 'call'
    ? {
        index: delta.index,
        id: callIds.of(sample, delta.index, delta.id),
        type: 'function',
        function: { name: delta.name, arguments: '' },
      }
    : { index: delta.index, function: { arguments: delta.text } };
}

/** A call of a whole message. */
export interface CallBody {
  readonly id: string;
  readonly type: 'function';
  readonly function: ToolCall['function'];
}

/** The calls of a whole message. */
export function callBodies(calls: readonly ToolCall[], sample: number, callIds: CallIds): CallBody[] {
  return calls.map((call, index) => ({
    id: callIds.of(sample, index, call.id),
    type: 'function',
    function: { name: call.function.name, arguments: call.function.arguments },
  }));
}
