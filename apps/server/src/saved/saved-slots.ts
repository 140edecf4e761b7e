import { StarlingError } from '@starling/core';
import type { SessionFiles } from './session-files.js';

/** Tenants and models whose slots are remembered. */
const MOST_OWNERS = 4096;

/** What llama-server's slots hold, by tenant and model: the sessions of the requests that ended there last. */
export class SavedSlots {
  readonly files: SessionFiles;
  readonly #slots = new Map<string, Map<number, string>>();

  constructor(files: SessionFiles) {
    this.files = files;
  }

  /** A request of a slot has ended: it goes on as this session. */
  note(tenant: string, model: string, slot: number, session: string): void {
    const owner = ownerOf(tenant, model);
    const slots = this.#slots.get(owner) ?? new Map<number, string>();
    this.#slots.delete(owner);
    this.#slots.set(owner, slots.set(slot, session));
    for (const oldest of this.#slots.keys()) {
      if (this.#slots.size <= MOST_OWNERS) break;
      this.#slots.delete(oldest);
    }
  }

  /** The session of the request that ended in a slot last; undefined: none has. */
  find(tenant: string, model: string, slot: number): string | undefined {
    return this.#slots.get(ownerOf(tenant, model))?.get(slot);
  }

  /** @throws StarlingError not_found for a slot that nothing ran in */
  sessionIn(tenant: string, model: string, slot: number): string {
    const session = this.find(tenant, model, slot);
    if (session === undefined)
      throw new StarlingError('not_found', `slot ${slot} holds nothing: no request of yours has ended there`, {
        details: { param: 'id_slot' },
      });
    return session;
  }

  empty(tenant: string, model: string, slot: number): void {
    this.#slots.get(ownerOf(tenant, model))?.delete(slot);
  }
}

const ownerOf = (tenant: string, model: string): string => JSON.stringify([tenant, model]);

/** The label by which a request's slot is told. */
export const slotLabel = (slot: number): string => `slot ${slot}`;

/** The slot of a request's label: the first, unless it names another. */
export const slotOf = (label: string | undefined): number => Number(/^slot (\d{1,9})$/.exec(label ?? '')?.[1] ?? 0);

/** The files of a server. @throws StarlingError not_supported where it has none */
export function filesOf(server: { readonly saved?: SavedSlots }): SessionFiles {
  return savedOf(server).files;
}

/** @throws StarlingError not_supported where the server saves nothing */
export function savedOf({ saved }: { readonly saved?: SavedSlots }): SavedSlots {
  if (saved === undefined)
    throw new StarlingError(
      'not_supported',
      'this server saves no sessions to files: start it with --slot-save-path FOLDER',
    );
  return saved;
}
