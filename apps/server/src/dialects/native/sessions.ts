import type { SessionInfo, TenantSessions } from '@starling/engine';
import type { ServedModel } from '../../parts.js';
import { endpoint, json, type Endpoint } from '../dialect.js';
import { filesOf } from '../../saved/saved-slots.js';
import {
  closeSessionAnswer,
  openSessionAnswer,
  saveSessionAnswer,
  sessionAnswer,
  sessionListAnswer,
} from './answer-schema.js';
import {
  closeSessionSchema,
  forkSessionSchema,
  openSessionSchema,
  rewindSessionSchema,
  saveSessionSchema,
  updateSessionSchema,
} from './sessions-schema.js';

/** `GET /v1/sessions`: what the caller's requests can go on from. */
const list: Endpoint = {
  method: 'GET',
  paths: ['/v1/sessions'],
  access: 'user',
  isQuiet: true,
  summary: 'The sessions that are held',
  answer: sessionListAnswer,
  parameters: { model: 'the model whose sessions are meant; all where it is left out' },
  handle({ models, principal, query }) {
    const asked = query('model');
    const names =
      asked === undefined ? models.list().flatMap(({ name, state }) => (state === 'ready' ? [name] : [])) : [asked];
    const served = names.map((name) => models.pick(name));
    return json({
      object: 'list',
      data: served.flatMap((model) =>
        model
          .sessionsOf(principal.tenant)
          .list()
          .map((session) => describe(model, session)),
      ),
    });
  },
};

const close = endpoint({
  method: 'POST',
  paths: ['/v1/session/close'],
  access: 'user',
  summary: 'Forget a session',
  answer: closeSessionAnswer,
  body: closeSessionSchema,
  example: { session_id: 'chat-7' },
  async handle({ body: { session_id: id, model }, models, principal }) {
    await held(models.pick(model).sessionsOf(principal.tenant), id, (sessions) => sessions.close(id));
    return json({ session_id: id, closed: true });
  },
});

const fork = endpoint({
  method: 'POST',
  paths: ['/v1/session/fork'],
  access: 'user',
  summary: 'Begin a second session with the tokens of one',
  answer: sessionAnswer,
  body: forkSessionSchema,
  example: { session_id: 'chat-7', new_session_id: 'chat-8' },
  async handle({ body: { session_id: id, new_session_id: as, position, model }, models, principal }) {
    const served = models.pick(model);
    return json(
      describe(
        served,
        await held(served.sessionsOf(principal.tenant), id, (sessions) => sessions.fork(id, { as, position })),
      ),
    );
  },
});

const rewind = endpoint({
  method: 'POST',
  paths: ['/v1/session/rewind'],
  access: 'user',
  summary: 'Forget the tokens of a session from a position on',
  answer: sessionAnswer,
  body: rewindSessionSchema,
  example: { session_id: 'chat-7', position: 0 },
  async handle({ body: { session_id: id, position, model }, models, principal }) {
    const served = models.pick(model);
    return json(
      describe(
        served,
        await held(served.sessionsOf(principal.tenant), id, (sessions) => sessions.rewind(id, position)),
      ),
    );
  },
});

const update = endpoint({
  method: 'POST',
  paths: ['/v1/session/update'],
  access: 'user',
  summary: 'Pin a session, or say how long it is held',
  answer: sessionAnswer,
  body: updateSessionSchema,
  example: { session_id: 'chat-7', pinned: true },
  async handle({ body: { session_id: id, pinned, ttl_seconds: ttl, model }, models, principal }) {
    const served = models.pick(model);
    return json(
      describe(
        served,
        await held(served.sessionsOf(principal.tenant), id, (sessions) =>
          sessions.update(id, { isPinned: pinned, idleMs: ttl === undefined ? undefined : 1000 * ttl }),
        ),
      ),
    );
  },
});

const save = endpoint({
  method: 'POST',
  paths: ['/v1/session/save'],
  access: 'user',
  summary: 'Write a session to a file, to be opened here or on another machine with the same model',
  answer: saveSessionAnswer,
  body: saveSessionSchema,
  example: { session_id: 'chat-7', filename: 'chat-7.starkv' },
  async handle({ body: { session_id: id, filename, model }, models, principal, server }) {
    const session = await held(models.pick(model).sessionsOf(principal.tenant), id, (sessions) => sessions.save(id));
    const bytes = await filesOf(server).save(principal.tenant, filename, session);
    return json({ session_id: id, filename, saved_tokens: session.tokens.length, bytes });
  },
});

const open = endpoint({
  method: 'POST',
  paths: ['/v1/session/open'],
  access: 'user',
  summary: 'Open a session that was saved with the same model',
  answer: openSessionAnswer,
  body: openSessionSchema,
  example: { filename: 'chat-7.starkv' },
  async handle({ body: { session_id: as, filename, model }, models, principal, server }) {
    const served = models.pick(model);
    const { session } = await filesOf(server).read(principal.tenant, filename);
    const { knownTokens, ...opened } = await served.sessionsOf(principal.tenant).open(session, { as });
    return json({ ...describe(served, opened), known_tokens: knownTokens });
  },
});

/** Everything about sessions but their use, which is `session_id` of a request. */
export const sessions: readonly Endpoint[] = [list, close, fork, rewind, update, save, open];

/** Does something with a session that no other replica goes on from meanwhile, as the last of them left it. */
async function held<Result>(
  sessions: TenantSessions,
  id: string,
  work: (sessions: TenantSessions) => Result | Promise<Result>,
): Promise<Result> {
  const letGo = await sessions.hold(id);
  try {
    return await work(sessions);
  } finally {
    letGo();
  }
}

function describe(
  { info }: ServedModel,
  { id, tokens, turns, isPinned, isBusy, isSaved, createdAt, usedAt, expiresAt }: SessionInfo,
): object {
  return {
    session_id: id,
    model: info.name,
    tokens,
    turns,
    pinned: isPinned,
    in_use: isBusy,
    saved: isSaved,
    created_at: seconds(createdAt),
    used_at: seconds(usedAt),
    expires_at: expiresAt === Infinity ? null : seconds(expiresAt),
  };
}

const seconds = (ms: number): number => Math.round(ms) / 1000;
