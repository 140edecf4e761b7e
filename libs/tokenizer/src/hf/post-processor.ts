import type { JsonNode } from './json-node.js';
import { stepsOf } from './sequence.js';

/** The tokens that go around a single text. */
export interface Surroundings {
  readonly before: number[];
  readonly after: number[];
}

const NOTHING: Surroundings = { before: [], after: [] };

/** What a `post_processor` section puts around a single text. */
export function readPostProcessor(section: JsonNode): Surroundings {
  return stepsOf(section, 'processors')
    .map(readProcessor)
    .reduce(
      (inner, outer) => ({ before: [...outer.before, ...inner.before], after: [...inner.after, ...outer.after] }),
      NOTHING,
    );
}

function readProcessor(node: JsonNode): Surroundings {
  const type = node.type();
  switch (type) {
    case 'TemplateProcessing':
      return readTemplate(node);
    case 'BertProcessing':
    case 'RobertaProcessing':
      return { before: [idOfPair(node.get('cls'))], after: [idOfPair(node.get('sep'))] };
    case 'ByteLevel':
      return NOTHING;
    default:
      throw node.unsupported(`post_processor ${type}`);
  }
}

function idOfPair(node: JsonNode): number {
  const [, id] = node.items();
  if (id === undefined) throw node.wrong('[text, id]');
  return id.number();
}

function readTemplate(node: JsonNode): Surroundings {
  const before: number[] = [];
  const after: number[] = [];
  const tokens = node.get('special_tokens');
  let side = before;
  for (const part of node.get('single').items()) {
    if (!part.get('Sequence').isMissing) {
      side = after;
      continue;
    }
    const name = part.get('SpecialToken').get('id').string();
    for (const id of tokens.get(name).get('ids').items()) side.push(id.number());
  }
  return { before, after };
}
