import type { JsonNode } from './json-node.js';

/** Sequences in sequences, at most: deeper ones are taken for a broken file. The `tokenizers` library reads about as many. */
const MAX_SEQUENCE_DEPTH = 64;

/** The steps of a section, in order: the section itself, or the members of a `Sequence`, which may hold sequences again. */
export function stepsOf(section: JsonNode, key: string): JsonNode[] {
  const steps: JsonNode[] = [];
  const open: { node: JsonNode; depth: number }[] = [{ node: section, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, depth } = next;
    if (node.isMissing) continue;
    if (node.type() !== 'Sequence') {
      steps.push(node);
      continue;
    }
    if (depth >= MAX_SEQUENCE_DEPTH) throw section.broken(`sequences in more than ${MAX_SEQUENCE_DEPTH} others`);
    for (const member of node.get(key).items().reverse()) open.push({ node: member, depth: depth + 1 });
  }
  return steps;
}
