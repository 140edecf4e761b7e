import type { CallFormat, Marker } from '@starling/grammar';
import { isBlank } from './marker.js';

/** What a call may begin and end with. */
export interface CallEdges {
  /** As the template writes it, and without a first tag that the model left out: there the name of a tool must follow. */
  readonly starts: readonly Marker[];
  /** As the template writes it, and parts of it. */
  readonly ends: readonly Marker[];
  /** What the section of calls ends with, and each tag of it: the last of several may be the end of the turn, which is no text. */
  readonly sectionEnds: readonly Marker[];
}

/** Whether calls begin as other JSON does, with nothing before them: then only an answer that begins with one is looked at. */
export function isUnmarked({ sectionStart, callStart }: CallFormat): boolean {
  return isBlank(sectionStart) && isBlank(callStart);
}

const known = new WeakMap<CallFormat, CallEdges>();

/** The edges of a format's calls. */
export function edgesOf(format: CallFormat): CallEdges {
  let edges = known.get(format);
  if (!edges) known.set(format, (edges = makeEdges(format)));
  return edges;
}

function makeEdges({ callStart, callEnd, sectionEnd, body }: CallFormat): CallEdges {
  const inner = callStart.replace(/^\s*<[^<>\s]*>\s*/, '');
  const starts = [callStart, ...(inner !== callStart && inner.startsWith('<') && body.kind !== 'json' ? [inner] : [])];
  const parts = callEnd
    .trim()
    .split(/\s+/)
    .filter((part) => part.endsWith('>'));
  const tags = sectionEnd.match(/<[^<>]*>/g) ?? [];
  const isSome = (marker: Marker): boolean => !isBlank(marker);
  return {
    starts: starts.filter(isSome),
    ends: [callEnd, ...parts].filter(isSome),
    sectionEnds: [sectionEnd, ...tags].filter(isSome),
  };
}
