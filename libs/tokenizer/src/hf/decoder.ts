import type { EntryNotation } from '../decode/token-renderer.js';
import type { JsonNode } from './json-node.js';

/** How the entries of a vocabulary are written out. */
export interface Decoding {
  readonly notation: EntryNotation;
  /** What marks a further part of a word, or the end of one, in entries. */
  readonly mark: string;
  /** A space at the very start is left out. */
  readonly stripsSpace: boolean;
  /** Punctuation has no space before it. */
  readonly attachesPunctuation: boolean;
}

/** What a `decoder` section amounts to; without one, entries in the notation of the model. */
export function readDecoder(node: JsonNode, fallback: Decoding): Decoding {
  return flatten(node).reduce<Decoding>((decoding, step) => {
    const type = step.type();
    switch (type) {
      case 'ByteLevel':
        return { ...decoding, notation: 'canonical' };
      case 'Metaspace':
        return { ...decoding, notation: 'spaceMarks', stripsSpace: step.get('prepend_scheme').stringOr(step.get('add_prefix_space').booleanOr(true) ? 'always' : 'never') !== 'never' };
      case 'WordPiece':
        return { notation: 'wordParts', mark: step.get('prefix').stringOr('##'), stripsSpace: true, attachesPunctuation: step.get('cleanup').booleanOr(true) };
      case 'BPEDecoder':
        return { ...decoding, notation: 'wordEnds', mark: step.get('suffix').stringOr('</w>') };
      case 'Strip':
        return { ...decoding, stripsSpace: step.get('content').stringOr(' ') === ' ' && step.get('start').value === 1 };
      case 'Replace':
      case 'ByteFallback':
      case 'Fuse':
        return decoding;
      default:
        throw step.unsupported(`decoder ${type}`);
    }
  }, fallback);
}

function flatten(node: JsonNode): JsonNode[] {
  if (node.isMissing) return [];
  return node.type() === 'Sequence' ? node.get('decoders').items().flatMap(flatten) : [node];
}
