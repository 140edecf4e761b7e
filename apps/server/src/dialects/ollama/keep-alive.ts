import { parameterError } from '@starling/core';
import * as v from 'valibot';
import { mayUse } from '../../access/principal.js';
import { keepAliveMs } from '../../keep-alive.js';
import { isRecord } from '../../schemas/validate.js';
import type { Call } from '../dialect.js';
import { nameFor, pickModel } from '../pick-model.js';

/** How long the model stays after the request: seconds, or a duration. */
export const keepAliveSchema = v.nullish(
  v.pipe(
    v.union([v.number(), v.string()]),
    v.check(
      (value) => keepAliveMs(value) !== undefined,
      'expected a number of seconds, or a duration such as 5m or 1h30m',
    ),
  ),
);

/** The same in milliseconds; undefined: the body says nothing. */
export const keepAliveOf = (body: unknown): number | undefined =>
  isRecord(body) ? keepAliveMs(body.keep_alive) : undefined;

/** Whether a request asks nothing: it only sees to it that its model is loaded, or lets it go. */
const asksNothing = (body: {
  readonly messages?: readonly unknown[] | null;
  readonly prompt?: string | null;
}): boolean => (body.messages ?? []).length === 0 && (body.prompt ?? '') === '';

/** Whether a request only lets its model go, for which it need not be loaded. */
export const isFarewell = (body: unknown): boolean => keepAliveOf(body) === 0 && isRecord(body) && asksNothing(body);

/**
 * Lets the model of such a request go, for those who may unload models: what others have in it is gone with it.
 * @throws StarlingError model_not_loaded, forbidden
 */
export function letGo({
  body,
  models,
  server,
  principal,
}: Pick<Call<{ readonly model?: string | null }>, 'body' | 'models' | 'server' | 'principal'>): void {
  if (!mayUse(principal, 'admin'))
    throw parameterError(
      'forbidden',
      'keep_alive',
      `the key "${principal.name}" may not unload models: that is for administrators`,
    );
  const asked = body.model ?? undefined;
  server.presence.letGo(
    (asked === undefined ? models.resolve() : nameFor(models, asked)) ?? pickModel(models, asked).info.name,
  );
}
