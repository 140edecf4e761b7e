import type { AnswerDelta } from './call-sink.js';
import { OWN_TEMPLATES } from './own-templates.test-support.js';
import { DEVIATIONS, TOOLS, Writer, type RealAnswer, type Reading } from './real-answers.test-support.js';
import { written, type Written } from './round-trip.test-support.js';

/** Reads an answer whole, character by character, and cut at every place: it must be the same each time, and what the deltas add up to. */
function expectReading(
  { parser }: Written,
  writer: Writer,
  { prompt = writer.prompt, text, expected }: RealAnswer,
): void {
  const cuts = [
    [text],
    [...text],
    ...Array.from({ length: text.length + 1 }, (_, at) => [text.slice(0, at), text.slice(at)]),
  ];
  for (const pieces of cuts) {
    const reader = parser.reader({ tools: TOOLS, prompt });
    const deltas = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
    const { content, reasoning_content: reasoning = '', tool_calls: calls = [] } = reader.message;
    const found = {
      content: content ?? '',
      reasoning,
      calls: calls.map(({ function: { arguments: json } }) => String(json)),
    };
    expect(joined(deltas)).toEqual(found);
    const read: Reading = {
      content: found.content.trim(),
      reasoning,
      calls: found.calls.map(valueOf),
      isCut: reader.isCut,
      isMissed: reader.hasMissedCall,
    };
    expect({ text, ...read }).toEqual({
      text,
      content: '',
      reasoning: '',
      calls: [],
      isCut: false,
      isMissed: false,
      ...expected,
    });
  }
}

function joined(deltas: readonly AnswerDelta[]): { content: string; reasoning: string; calls: string[] } {
  const sum = { content: '', reasoning: '', calls: [] as string[] };
  for (const delta of deltas) {
    if (delta.kind === 'content' || delta.kind === 'reasoning') sum[delta.kind] += delta.text;
    else if (delta.kind === 'call') sum.calls[delta.index] = '';
    else sum.calls[delta.index] += delta.text;
  }
  return sum;
}

/** Undefined for arguments that were cut. */
function valueOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

describe.each(Object.entries(OWN_TEMPLATES))('what models really write in the way of %s', (_, source) => {
  const template = written(source);
  const writer = new Writer(template);
  const rows = DEVIATIONS.flatMap(({ name, write }) => {
    const answer = write(writer);
    return answer ? [{ name, answer }] : [];
  });

  it.each(rows)('$name', ({ answer }) => expectReading(template, writer, answer));
});

it('each deviation happens in some way to write answers', () => {
  const writers = Object.values(OWN_TEMPLATES).map((source) => new Writer(written(source)));
  for (const { name, write } of DEVIATIONS)
    expect([name, writers.some((writer) => write(writer) !== undefined)]).toEqual([name, true]);
});
