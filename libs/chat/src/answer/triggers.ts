import type { AnswerFormat, Marker } from '@starling/grammar';
import { edgesOf, isUnmarked } from './call-edges.js';
import { triggerOf } from './marker.js';

/** What a segment of the answer is. */
export type Mode = 'content' | 'reasoning';
type Found = 'reasoning-start' | 'reasoning-end' | 'content-start' | 'content-end' | 'calls' | 'stray-end' | 'turn-end';

export interface Trigger {
  readonly literal: string;
  readonly what: Found;
  readonly marker: Marker;
}

/** What may end a stretch of text in an answer, by where in it that stands. Of those that begin alike the longest comes first. */
export function triggersOf(format: AnswerFormat, mode: Mode, readsCalls: boolean): readonly Trigger[] {
  const { reasoning, contentStart, contentEnds, turnEnd, turnJoin, calls } = format;
  const triggers: Trigger[] = [];
  const add = (what: Found, marker: Marker | undefined): void => {
    const literal = marker && triggerOf(marker);
    if (marker && literal !== undefined) triggers.push({ literal, what, marker });
  };
  if (calls && readsCalls) {
    add('calls', calls.sectionStart);
    for (const start of edgesOf(calls).starts) add('calls', start);
    if (isUnmarked(calls)) add('calls', calls.body.kind === 'json' ? (calls.body.isArray ? '[' : '{') : undefined);
  }
  add('reasoning-end', reasoning?.end);
  if (mode === 'content') {
    add('reasoning-start', reasoning?.start);
    add('content-start', contentStart);
    for (const end of contentEnds) add('content-end', end);
    // Closing tags that a model writes once too often, or behind text that it put between calls.
    if (calls && readsCalls)
      for (const end of [...edgesOf(calls).sectionEnds, ...edgesOf(calls).ends]) add('stray-end', end);
  }
  add('turn-end', turnEnd);
  add('content-end', turnJoin);
  // Of those that begin alike the longest is tried first.
  return triggers.sort((a, b) => b.marker.length - a.marker.length);
}

/** A call without any marker: only an answer that begins with one is looked at. */
export function isBare({ literal }: Trigger): boolean {
  return literal === '{' || literal === '[';
}

/** Where the end of a text begins that a trigger may begin with, looked for from `from` on; else the text's length. */
export function beginningAt(text: string, from: number, triggers: readonly Trigger[]): number {
  for (let at = from; at < text.length; at++) {
    const rest = text.slice(at);
    if (triggers.some(({ literal }) => literal.length > rest.length && literal.startsWith(rest))) return at;
  }
  return text.length;
}
