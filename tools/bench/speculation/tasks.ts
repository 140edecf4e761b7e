import type { GenerateRequest } from '@starling/engine';
import type { Tokenizer } from '@starling/tokenizer';

/** What is asked for, and the answer that the model is made to give. */
export interface Task {
  readonly name: string;
  /** The ratio to no speculation that is aimed at. */
  readonly goal: number;
  readonly request: GenerateRequest & { readonly tokens: readonly number[] };
  readonly answer: readonly number[];
  /** The part of its tokens that a draft model is right about, 0 to 1. Absent: there is none. */
  readonly agreement?: number;
}

/** The same numbers each time (Numerical Recipes' generator). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % below;
}

/** Ids that stand for words and nothing else. */
const FIRST_WORD = 200;

/** @param words ids of the vocabulary that may be used */
function words(count: number, seed: number, among: number): number[] {
  const next = numbers(seed);
  return Array.from({ length: count }, () => FIRST_WORD + next(among - FIRST_WORD - 300));
}

const greedy = { temperature: 0 } as const;

/** A text of 100 lines of 10 tokens is given back with every fifth line written anew. */
export function edit(vocabulary: number): Task {
  const prompt = words(1000, 1, vocabulary);
  const fresh = words(1000, 2, vocabulary);
  const answer = prompt.map((token, i) => (Math.floor(i / 10) % 5 === 3 ? fresh[i] : token));
  return {
    name: 'an answer that repeats 80 % of a prompt of 1,000 tokens',
    goal: 2.5,
    request: { ...greedy, tokens: [...prompt, ...words(12, 3, vocabulary)], maxTokens: answer.length },
    answer,
  };
}

/** Nothing comes twice in this order. */
export function prose(vocabulary: number): Task {
  const answer = words(400, 4, vocabulary);
  return {
    name: 'a text without repetitions',
    goal: 0.98,
    request: { ...greedy, tokens: words(400, 5, vocabulary), maxTokens: answer.length },
    answer,
  };
}

/** The same, where a second model drafts. */
export const withDraftModel = (task: Task, agreement: number, goal: number): Task => ({
  ...task,
  name: `${task.name}, with a draft model that is right about ${100 * agreement} %`,
  agreement,
  goal,
});

/** What a draft model says that is right about a part of an answer: which tokens those are does not show in the text. */
export function mostly(answer: readonly number[], agreement: number, vocabulary: number): number[] {
  const next = numbers(7);
  return answer.map((token) => (next(1000) < 1000 * agreement ? token : (token + 1) % vocabulary));
}

const PEOPLE = [
  ['Ada Lovelace', 36, 'London'],
  ['Grace Hopper', 85, 'New York'],
  ['Alan Turing', 41, 'Maida Vale'],
  ['Edsger Dijkstra', 72, 'Rotterdam'],
  ['Barbara Liskov', 86, 'Los Angeles'],
  ['Donald Knuth', 88, 'Milwaukee'],
] as const;

const person = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    age: { type: 'integer' },
    birthplace: { type: 'string' },
    retired: { type: 'boolean' },
  },
  required: ['name', 'age', 'birthplace', 'retired'],
  additionalProperties: false,
};

/** A list of records that a schema describes. */
export function records(vocabulary: number, tokenizer: Tokenizer): Task {
  const people = PEOPLE.map(
    ([name, age, birthplace]) =>
      `{"name": "${name}", "age": ${age}, "birthplace": "${birthplace}", "retired": ${age > 60}}`,
  );
  const answer = Array.from(tokenizer.encode(`{"people": [${people.join(', ')}]}`));
  const jsonSchema = {
    type: 'object',
    properties: { people: { type: 'array', items: person } },
    required: ['people'],
    additionalProperties: false,
  };
  return {
    name: 'JSON that a schema describes',
    goal: 1.3,
    request: { ...greedy, tokens: words(100, 6, vocabulary), maxTokens: answer.length + 20, jsonSchema },
    answer,
  };
}
