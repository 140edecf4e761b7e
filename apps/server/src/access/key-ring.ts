import { createHash, timingSafeEqual } from 'node:crypto';
import type { Principal } from './principal.js';

/** A key that is known: its SHA-256, and whose it is. */
export interface KnownKey {
  readonly digest: Buffer;
  readonly principal: Principal;
}

/** What keys are compared by, and stored as. Keys are random and long: no more than a digest is needed. */
export function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** The keys that a server knows. */
export class KeyRing {
  #sources: readonly (() => readonly KnownKey[])[];

  /** @param sources read anew for each request, so that keys may come and go; none: no key is asked for */
  constructor(sources: readonly (() => readonly KnownKey[])[] = []) {
    this.#sources = [...sources];
  }

  /** Knows the keys of these sources from now on, and no others. */
  replace(sources: readonly (() => readonly KnownKey[])[]): void {
    this.#sources = [...sources];
  }

  /** Whether clients must send a key. It stays so when the last one is revoked. */
  get isAsked(): boolean {
    return this.#sources.length > 0;
  }

  /** For people: the name of the key that a tenant has; undefined once it is revoked. */
  nameOf(tenant: string): string | undefined {
    for (const source of this.#sources)
      for (const { principal } of source()) if (principal.tenant === tenant) return principal.name;
    return undefined;
  }

  /** Whose key it is. All are compared by their digests, in constant time: neither a prefix of a key nor its place shows in the timing. */
  find(sent: string): Principal | undefined {
    const digest = digestOf(sent);
    let found: Principal | undefined;
    for (const source of this.#sources) {
      for (const known of source()) if (timingSafeEqual(known.digest, digest)) found ??= known.principal;
    }
    return found;
  }
}
