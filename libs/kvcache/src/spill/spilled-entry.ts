import { prefixDigest } from '../token-order.js';
import { hexOf } from './hex-of.js';
import type { SpillRecord, SpilledEntry } from './spill-store.js';

/** What memory keeps of a record. Arrays are its own. */
export function entryOf(
  id: string,
  record: Pick<SpillRecord, 'key' | 'owner' | 'tokens' | 'from' | 'pageTokens' | 'label'> & {
    readonly states: readonly { readonly position: number }[];
  },
  bytes: number,
): SpilledEntry {
  const { key, owner, tokens, from, pageTokens, states, label } = record;
  return {
    id,
    key: key.slice(),
    owner: hexOf(owner),
    from,
    pageTokens,
    length: tokens.length,
    tokens: tokens.slice(from),
    prefix: prefixDigest(tokens, Math.min(from, tokens.length - (tokens.length % pageTokens)), pageTokens),
    states: states.map(({ position }) => position),
    label,
    bytes,
  };
}
