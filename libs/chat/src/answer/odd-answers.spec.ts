import fc from 'fast-check';
import { AnswerReader } from './answer-reader.js';
import {
  bare,
  call,
  coder,
  frame,
  hermes,
  joined,
  json,
  read,
  summary,
  tools,
  weather,
} from './answer-reader.test-support.js';
import { Feed } from './feed.js';

describe('text that only looks like a call', () => {
  it.each([
    'Write <tool_call> to call a tool.',
    'The tags are <tool_call> and </tool_call>.',
    '<tool_call>\n{"name": "unknown_tool", "arguments": {}}\n</tool_call>',
    '<tool_call>{"a": 1}</tool_call>',
    'a < b, <too, <tool_cal',
    '{"name": "get_weather"}',
  ])('stays text: %s', (text) => {
    expect(read(hermes, text)).toEqual({ content: text, reasoning: '', calls: [] });
  });

  it('stays text where no tools were offered', () => {
    const reader = new AnswerReader(hermes);
    reader.push(call());
    reader.end();
    expect(reader.message).toEqual({ role: 'assistant', content: call() });
  });
});

describe('what models really write', () => {
  it('a call inside of reasoning that was not closed ends the reasoning', () => {
    expect(read(hermes, `<think>\nI should ask.\n${call()}`)).toEqual({
      content: '',
      reasoning: 'I should ask.',
      calls: [['get_weather', weather]],
    });
  });

  it('an end marker written as text ends the answer', () => {
    expect(read(hermes, 'Done.<|im_end|>\n<|im_start|>user')).toEqual({ content: 'Done.', reasoning: '', calls: [] });
  });

  it('a stray marker at the end costs nothing', () => {
    expect(read(hermes, 'The answer is 42.\n<think>')).toEqual({
      content: 'The answer is 42.',
      reasoning: '',
      calls: [],
    });
  });

  it('closing tags that come twice are taken off', () => {
    expect(read(hermes, `${call()}\n</tool_call>`)).toEqual({
      content: '',
      reasoning: '',
      calls: [['get_weather', weather]],
    });
    const text =
      '<tool_call>\n<function=get_weather>\n<parameter=city>\nRome\n</parameter>\n</parameter>\n</function>\n</tool_call>';
    expect(read(coder, text).calls).toEqual([['get_weather', '{"city": "Rome"}']]);
  });

  it('white space of the template may be missing', () => {
    expect(
      read(coder, '<tool_call><function=get_weather><parameter=city>Rome</parameter></function></tool_call>').calls,
    ).toEqual([['get_weather', '{"city": "Rome"}']]);
  });

  it('a closing tag inside of a value does not end it', () => {
    const text =
      '<tool_call>\n<function=get_weather>\n<parameter=city>\nsay </parameter> twice\n</parameter>\n</function>\n</tool_call>';
    expect(read(coder, text).calls).toEqual([['get_weather', '{"city": "say </parameter> twice"}']]);
  });

  it('text between and behind calls is content', () => {
    expect(
      read(hermes, `First.\n${call()}\nThen.\n<tool_call>{"name": "now", "arguments": {}}</tool_call>\nThat is all.`),
    ).toEqual({
      content: 'First.\n\nThen.\n\nThat is all.',
      reasoning: '',
      calls: [
        ['get_weather', weather],
        ['now', '{}'],
      ],
    });
  });

  it('an answer that is cut inside of a call gives what there is, and says so', () => {
    expect(
      read(hermes, '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Par', { isCut: true }).calls,
    ).toEqual([['get_weather', '{"city": "Par']]);
    expect(read(hermes, '<tool_call>\n{"name": "get_wea')).toEqual({
      content: '<tool_call>\n{"name": "get_wea',
      reasoning: '',
      calls: [],
    });
  });
});

describe('any text', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '<tool_call>',
      '</tool_call>',
      '<think>',
      '</think>',
      '<|im_end|>',
      '{"name": "get_weather", ',
      '"arguments": ',
      '{}',
      '}',
      '<function=get_weather>',
      '<parameter=city>',
      '</parameter>',
      '</function>',
      '\n',
      ' ',
      '[',
      '{',
    ),
    fc.string({ maxLength: 6 }),
  );

  it('is read to its end without an error, and gives the same however it is cut', () => {
    fc.assert(
      fc.property(fc.constantFrom(hermes, coder, bare), fc.array(piece, { maxLength: 14 }), (format, pieces) => {
        const whole = new AnswerReader(format, { tools });
        whole.push(pieces.join(''));
        whole.end();
        const reader = new AnswerReader(format, { tools });
        const deltas = [...pieces.flatMap((text) => reader.push(text)), ...reader.end()];
        expect(reader.message).toEqual(whole.message);
        expect(joined(deltas)).toEqual(summary(whole.message));
      }),
      { numRuns: 2000 },
    );
  });
});

it('holds no more of a long answer than may still be needed, and reads it as the same text', () => {
  const read = (pieces: readonly string[]) => {
    const reader = new AnswerReader({ ...frame, calls: json }, { tools });
    const { push } = Feed.prototype;
    let most = 0;
    Feed.prototype.push = function (this: Feed, piece: string) {
      push.call(this, piece);
      most = Math.max(most, this.text.length);
    };
    try {
      for (const piece of pieces) reader.push(piece);
      reader.end();
    } finally {
      Feed.prototype.push = push;
    }
    return { message: reader.message, most };
  };
  const pieces = [
    '<think>',
    ...Array.from({ length: 3_000 }, (_, i) => ['why \n', '<'][i % 2]),
    '</think>',
    ...Array.from({ length: 6_000 }, (_, i) => ['word', ' ', ' \n', '<to'][i % 4]),
    '<tool_call>{"name": "now", "arguments": {}}</tool_call>',
  ];
  const cut = read(pieces);
  expect(cut.most).toBeLessThan(4_200);
  expect(cut.message).toEqual(read([pieces.join('')]).message);
  expect(cut.message.tool_calls).toHaveLength(1);
  expect(cut.message.content!.length).toBeGreaterThan(10_000);
});
