import * as v from 'valibot';
import { count, fields, positive, sessionId, text, withoutNulls } from '../../schemas/fields.js';

const model = v.nullish(text(256));

/** The body of `POST /v1/session/close`. */
export const closeSessionSchema = v.pipe(fields({ session_id: sessionId(), model }), v.transform(withoutNulls));

/** The body of `POST /v1/session/fork`. */
export const forkSessionSchema = v.pipe(
  fields({ session_id: sessionId(), new_session_id: v.nullish(sessionId()), position: v.nullish(count()), model }),
  v.transform(withoutNulls),
);

/** The body of `POST /v1/session/rewind`. */
export const rewindSessionSchema = v.pipe(
  fields({ session_id: sessionId(), position: count(), model }),
  v.transform(withoutNulls),
);

/** The body of `POST /v1/session/update`. */
export const updateSessionSchema = v.pipe(
  fields({
    session_id: sessionId(),
    pinned: v.nullish(v.boolean()),
    ttl_seconds: v.nullish(v.pipe(positive(), v.maxValue(1e9))),
    model,
  }),
  v.transform(withoutNulls),
);

const filename = text(200);

/** The body of `POST /v1/session/save`. */
export const saveSessionSchema = v.pipe(
  fields({ session_id: sessionId(), filename, model }),
  v.transform(withoutNulls),
);

/** The body of `POST /v1/session/open`. */
export const openSessionSchema = v.pipe(
  fields({ filename, session_id: v.nullish(sessionId()), model }),
  v.transform(withoutNulls),
);
