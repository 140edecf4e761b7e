import { StarlingError, parameterError } from '@starling/core';
import type { Session, StoredSession } from '@starling/kvcache';
import type { Steps } from './aside/steps.js';
import type { GenerateRequest } from './generate-types.js';
import { isSameChoice, type AdapterChoice } from './adapters.js';
import { adaptersOf, readMemo, writeMemo } from './session-memo.js';
import { NEW_THREAD, cutThread, turnEnds, type Thread } from './session-thread.js';
import { SessionTurn, type SessionHost } from './session-turn.js';
import { beyondVocabulary, packSession, unpackSession, withoutAdapters, type SavedSession } from './saved-session.js';
import type { SessionInfo, TenantSessions } from './session-types.js';

/** Sessions of one model: what requests go on from. */
export class SessionBook {
  readonly #host: SessionHost;
  readonly #threads = new WeakMap<Session, Thread>();

  constructor(host: SessionHost) {
    this.#host = host;
  }

  /**
   * Takes the session of a request, if it has one, in steps; it is given back with `settle` or `abandon`.
   * @throws StarlingError not_found, conflict, rate_limited, and as `preparePrompt`
   */
  *begin(request: GenerateRequest): Steps<SessionTurn | undefined> {
    const { sessionId, opensSession = false, tenant, cachePrompt = true, n = 1 } = request;
    if (sessionId === undefined && (!opensSession || !cachePrompt || n > 1)) return undefined;
    if (!cachePrompt)
      throw refused(
        'cachePrompt',
        'a session is what is kept of a prompt, and of this one nothing is to be kept: keep it, or name no session',
      );
    if (n > 1) throw refused('n', `a session goes on with one answer, not ${n}: fork it, and ask once each`);
    const { table } = this.#host;
    let isHeld = false;
    if (sessionId !== undefined)
      yield { kind: 'wait', work: async () => void (isHeld = await table.hold(tenant ?? '', sessionId)) };
    try {
      return yield* this.#take(request, isHeld);
    } catch (error) {
      if (isHeld) table.letGo(tenant ?? '', sessionId!);
      throw error;
    }
  }

  *#take(request: GenerateRequest, isHeld: boolean): Steps<SessionTurn> {
    const { sessionId, tenant, cacheSalt } = request;
    const { table, cacheKeyOf, adapters: book } = this.#host;
    const known = sessionId === undefined ? undefined : table.find(tenant ?? '', sessionId);
    const before = known && this.#threads.get(known)?.adapters;
    const adapters = before && request.adapters === undefined ? before : book.choose(request.adapters);
    if (before && !isSameChoice(before, adapters))
      throw refused(
        'adapters',
        `session ${sessionId} was begun with other adapters: leave them out to go on with those, or begin another session`,
      );
    const cacheKey =
      known && before && cacheSalt === undefined
        ? known.cacheKey
        : cacheKeyOf({ tenant, salt: cacheSalt, adapters: adapters.applied });
    const session = table.acquire(tenant ?? '', sessionId, {
      cacheKey,
      salt: known ? known.salt : cacheSalt,
      isProvisional: sessionId === undefined,
    });
    let turn: SessionTurn;
    try {
      turn = yield* SessionTurn.open(this.#host, this.#threads, { session, adapters }, request);
    } catch (error) {
      table.abandon(session);
      throw error;
    }
    // From here on it is let go with the turn.
    if (isHeld) table.letGoAfter(session);
    return turn;
  }

  /** What is stored with a session, to be read by `adopt`. */
  memoOf(session: Session): string {
    return writeMemo(this.#threadOf(session));
  }

  /** The key of a stored session; undefined if it cannot be gone on from, for want of an adapter. */
  keyOf(tenant: string, { salt, memo }: Pick<StoredSession, 'salt' | 'memo'>): string | undefined {
    const adapters = adaptersOf(memo, this.#host.adapters);
    return adapters && this.#host.cacheKeyOf({ tenant, salt, adapters: adapters.applied });
  }

  /** A stored session is there again. */
  adopt(session: Session, memo: string): void {
    this.#adopt(session, memo, adaptersOf(memo, this.#host.adapters) ?? NEW_THREAD.adapters);
  }

  /** @param adapters those of the session's key: what it goes on with is computed with no others */
  #adopt(session: Session, memo: string, adapters: AdapterChoice): void {
    const { restoreAnswer } = this.#host;
    this.#threads.set(
      session,
      readMemo(memo, adapters, (saved, answerFrom) =>
        restoreAnswer(saved, session.tokens.subarray(answerFrom), session.tenant),
      ),
    );
  }

  /** The sessions of one tenant. */
  of(tenant: string): TenantSessions {
    const { table } = this.#host;
    return {
      hold: async (id) => {
        const isHeld = await table.hold(tenant, id);
        return () => void (isHeld && table.letGo(tenant, id));
      },
      list: () => table.list(tenant).map((session) => this.#describe(session)),
      close: (id) => table.close(tenant, id),
      fork: (id, options = {}) => {
        const from = this.#threadOf(table.get(tenant, id));
        const fork = table.fork(tenant, id, options);
        this.#threads.set(fork, cutThread(from, fork.tokens.length));
        return this.#describe(fork);
      },
      rewind: (id, position) => {
        const session = table.rewind(tenant, id, position);
        this.#threads.set(session, cutThread(this.#threadOf(session), position));
        return this.#describe(session);
      },
      save: async (id) => this.#save(table.get(tenant, id)),
      open: (saved, options) => this.#open(tenant, saved, options),
      update: (id, change) => this.#describe(table.update(tenant, id, change)),
    };
  }

  async #save(session: Session): Promise<SavedSession> {
    const { cache, identity, table, settled } = this.#host;
    if (identity === undefined)
      throw new StarlingError(
        'not_supported',
        'sessions of this model cannot be saved: load it with `digestWeights`, so that the file can tell whose they are',
        { details: { param: 'file' } },
      );
    table.checkIdle(session);
    await settled();
    const thread = this.#threadOf(session);
    const facts = { model: identity, adapters: thread.adapters.applied, thread: writeMemo(thread) };
    return packSession(session, await cache.copyOut(session.cacheKey, session.tokens), facts);
  }

  async #open(
    tenant: string,
    saved: SavedSession,
    { as, isProvisional = false }: Parameters<TenantSessions['open']>[1] = {},
  ): Promise<SessionInfo & { readonly knownTokens: number }> {
    const { cache, cacheKeyOf, identity, contextLength, tokenizer, table, adapters: book } = this.#host;
    if (identity === undefined)
      throw new StarlingError(
        'not_supported',
        'saved sessions cannot be opened by this model: load it with `digestWeights`',
        { details: { param: 'file' } },
      );
    const { id, salt, adapters: applied, rest, thread } = unpackSession(saved, identity);
    const adapters = book.chooseByDigest(applied);
    if (adapters === undefined) throw withoutAdapters(applied.length);
    const tokens = Uint32Array.from([...saved.tokens, ...rest]);
    if (tokens.length > contextLength || tokens.some((token) => token >= tokenizer.vocabSize)) throw beyondVocabulary();
    const cacheKey = cacheKeyOf({ tenant, salt, adapters: adapters.applied });
    const session = table.open({ tenant, id: as ?? id, cacheKey, salt, isProvisional }, tokens);
    try {
      const knownTokens = await cache.copyIn(cacheKey, saved);
      this.#adopt(session, thread, adapters);
      table.settle(session, tokens);
      return { ...this.#describe(session), knownTokens };
    } catch (error) {
      table.close(tenant, session.id);
      throw error;
    }
  }

  #threadOf(session: Session): Thread {
    return this.#threads.get(session) ?? NEW_THREAD;
  }

  #describe(session: Session): SessionInfo {
    const { id, tokens, isPinned, isBusy, createdAt, usedAt, expiresAt } = session;
    return {
      id,
      tokens: tokens.length,
      turns: turnEnds(this.#threadOf(session)),
      isPinned,
      isBusy,
      isSaved: this.#host.table.isSaved(session),
      createdAt,
      usedAt,
      expiresAt,
    };
  }
}

function refused(param: string, problem: string): StarlingError {
  return parameterError('invalid_request', param, problem);
}
