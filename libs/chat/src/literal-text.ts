import type { RenderedRun } from '@starling/jinja';

/** A stretch of a prompt. In a literal one, what reads like a control token is plain text. */
export interface PromptSegment {
  readonly text: string;
  readonly literal: boolean;
}

/** Roles that templates write into control tokens, as in `'<|' + message.role + '|>'`. */
const ROLES: ReadonlySet<string> = new Set([
  'system',
  'developer',
  'user',
  'assistant',
  'tool',
  'function',
  'observation',
  'ipython',
  'model',
]);

/**
 * Keeps the text of users from becoming control tokens: the text of one counts only where the template itself wrote all of it, but for a
 * role of the usual ones that the template put into a token of its own. Where it came from is
 * known for each character, however it was cut and put together.
 */
export function segmenter(
  controlTexts: Iterable<string>,
): (text: string, runs: readonly RenderedRun[]) => PromptSegment[] {
  const alternatives = [...new Set(controlTexts)]
    .filter((text) => text.length > 0)
    .sort((a, b) => b.length - a.length)
    .map((text) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
  if (alternatives.length === 0) return (text) => (text === '' ? [] : [{ text, literal: false }]);
  const pattern = new RegExp(alternatives.join('|'), 'g');
  return (text, runs) => {
    const isRole = ({ start, end, path }: RenderedRun): boolean =>
      path.length === 3 && path[0] === 'messages' && path[2] === 'role' && ROLES.has(text.slice(start, end));
    const given = runs.filter((run) => !run.isTemplate && !isRole(run));
    const segments: PromptSegment[] = [];
    const add = (piece: string, literal: boolean): void => {
      if (piece.length > 0) segments.push({ text: piece, literal });
    };
    let position = 0;
    let run = 0;
    for (const match of text.matchAll(pattern)) {
      const end = match.index + match[0].length;
      while (run < given.length && given[run].end <= match.index) run++;
      const isGiven = run < given.length && given[run].start < end;
      if (!isGiven) continue;
      add(text.slice(position, match.index), false);
      add(match[0], true);
      position = end;
    }
    add(text.slice(position), false);
    return segments;
  };
}
