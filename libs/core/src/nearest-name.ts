/** Longer names are no typing mistake of a known one, and comparing them would take long. */
const MAX_COMPARED = 64;

/** The one of `known` that takes the fewest edits to get from `name`, for an error that says what was meant; undefined if there are none or `name` is very long. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > MAX_COMPARED) return undefined;
  let nearest: string | undefined;
  let fewest = Infinity;
  for (const other of known) {
    const edits = editDistance(name.toLowerCase(), other.toLowerCase());
    if (edits >= fewest) continue;
    fewest = edits;
    nearest = other;
  }
  return nearest;
}

/** Levenshtein's distance: insertions, deletions and replacements that turn one word into the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length];
}
