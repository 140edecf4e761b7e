import fs from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { golden } from '../../../tools/fixtures/fixtures.js';
import { generate } from './support/client.js';
import { startServer } from './support/starling-process.js';

type Expectation =
  | { kind: 'exact'; value: string }
  | { kind: 'regex'; pattern: string }
  | { kind: 'json'; value: unknown };

interface Question {
  readonly id: string;
  readonly messages: { readonly role: string; readonly content: string }[];
  readonly max_tokens: number;
  readonly expect: Expectation;
}

function isRight(expectation: Expectation, text: string): boolean {
  if (expectation.kind === 'exact') return text.trim() === expectation.value.trim();
  if (expectation.kind === 'regex') return new RegExp(expectation.pattern).test(text.trim());
  try {
    return isDeepStrictEqual(JSON.parse(text), expectation.value);
  } catch {
    return false;
  }
}

describe('the demo model', () => {
  it('answers its evaluation set as well as its card says, without any argument', async () => {
    const lines = fs.readFileSync(golden.demoQuestions, 'utf8').trim().split('\n');
    const questions = lines.map((line) => JSON.parse(line) as Question);
    const server = await startServer();
    const wrong: string[] = [];
    const waiting = [...questions];
    const worker = async () => {
      for (let question = waiting.pop(); question; question = waiting.pop()) {
        const { text, error } = await generate(server.url, {
          messages: question.messages,
          max_tokens: question.max_tokens,
          temperature: 0,
        });
        if (!isRight(question.expect, text ?? '')) wrong.push(`${question.id}: ${text ?? error?.message}`);
      }
    };
    await Promise.all(Array.from({ length: 12 }, worker));
    await server.stop();
    expect(questions).toHaveLength(300);
    expect(wrong.slice(4)).toEqual([]);
  });
});
