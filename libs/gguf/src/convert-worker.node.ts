import { parentPort } from 'node:worker_threads';
import { isStarlingError, messageOf } from '@starling/core';
import { convertRows, type RowConversion } from './row-converter.js';

/** What a thread answers to a conversion. */
export type ConvertReply =
  | { readonly converted: Uint8Array<ArrayBuffer> }
  | { readonly code: string; readonly message: string };

parentPort!.on('message', (conversion: RowConversion) => {
  try {
    const converted = convertRows(conversion);
    reply({ converted }, [converted.buffer]);
  } catch (error) {
    reply({ code: isStarlingError(error) ? error.code : 'internal', message: messageOf(error) }, []);
  }
});

function reply(message: ConvertReply, buffers: readonly ArrayBuffer[]): void {
  parentPort!.postMessage(message, buffers);
}
