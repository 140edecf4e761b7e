import fc from 'fast-check';
import type { ToolDefinition } from '../messages.js';
import type { AnswerFormat, CallFormat } from '@starling/grammar';
import { AnswerReader, type AnswerMessage } from './answer-reader.js';
import type { AnswerDelta } from './call-sink.js';
import { Feed } from './feed.js';

const tools: readonly ToolDefinition[] = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      parameters: {
        type: 'object',
        properties: {
          city: { type: 'string' },
          days: { type: 'integer' },
          zip: { type: 'string' },
          near: { type: ['object', 'string'] },
        },
      },
    },
  },
  { type: 'function', function: { name: 'now' } },
];

const frame = {
  header: '<|im_start|>assistant\n',
  begun: '',
  contentStart: '',
  contentEnds: [],
  turnEnd: '<|im_end|>',
  reasoning: { start: '<think>', end: '</think>' },
};
const json: CallFormat = {
  sectionStart: '',
  sectionEnd: '',
  callStart: '<tool_call>',
  callEnd: '</tool_call>',
  separator: '',
  isSingle: false,
  body: {
    kind: 'json',
    fields: [
      { key: 'name', holds: 'name' },
      { key: 'arguments', holds: 'arguments' },
    ],
    isArray: false,
  },
};
const tagged: CallFormat = {
  ...json,
  callStart: '<tool_call>\n<function=',
  callEnd: '</function>\n</tool_call>',
  body: {
    kind: 'tagged',
    nameEnd: '>',
    argumentStart: '<parameter=',
    valueStart: { before: '>', after: '' },
    valueEnd: '</parameter>',
    valuePadding: ['\n', '\n'],
  },
};
const hermes: AnswerFormat = { ...frame, calls: json };
const coder: AnswerFormat = { ...frame, calls: tagged };
const bare: AnswerFormat = {
  ...frame,
  reasoning: undefined,
  calls: {
    ...json,
    callStart: '',
    callEnd: '',
    body: {
      kind: 'json',
      fields: [
        { key: 'name', holds: 'name' },
        { key: 'parameters', holds: 'arguments' },
      ],
      isArray: false,
    },
  },
};

/** What deltas add up to. */
function joined(deltas: readonly AnswerDelta[]): { content: string; reasoning: string; calls: [string, string][] } {
  const sum = { content: '', reasoning: '', calls: [] as [string, string][] };
  for (const delta of deltas) {
    if (delta.kind === 'content' || delta.kind === 'reasoning') sum[delta.kind] += delta.text;
    else if (delta.kind === 'call') sum.calls[delta.index] = [delta.name, ''];
    else sum.calls[delta.index][1] += delta.text;
  }
  return sum;
}

function summary(message: AnswerMessage): ReturnType<typeof joined> {
  return {
    content: message.content ?? '',
    reasoning: message.reasoning_content ?? '',
    calls: (message.tool_calls ?? []).map(({ function: { name, arguments: text } }) => [name, String(text)]),
  };
}

/** Reads a text whole, and cut at every place and into characters: the message and the deltas must be the same each time. */
function read(
  format: AnswerFormat,
  text: string,
  {
    isCut = false,
    ...options
  }: { prompt?: string; isBegun?: boolean; mustCall?: boolean; isJson?: boolean; isCut?: boolean } = {},
): ReturnType<typeof joined> {
  const cuts = [
    [text],
    [...text],
    ...Array.from({ length: text.length + 1 }, (_, at) => [text.slice(0, at), text.slice(at)]),
  ];
  let first: ReturnType<typeof joined> | undefined;
  for (const pieces of cuts) {
    const reader = new AnswerReader(format, { tools, ...options });
    const deltas = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
    const message = summary(reader.message);
    expect(joined(deltas)).toEqual(message);
    expect(message).toEqual((first ??= message));
    expect(reader.isCut).toBe(isCut);
  }
  if (first === undefined) throw new Error('nothing was read');
  return first;
}

const weather = '{"city": "Paris"}';
const call = (text = weather): string => `<tool_call>\n{"name": "get_weather", "arguments": ${text}}\n</tool_call>`;

describe('an answer that is read', () => {
  it('is content where nothing else is said, white space and all', () => {
    expect(read(hermes, 'Hello,\n\n world! ')).toEqual({ content: 'Hello,\n\n world! ', reasoning: '', calls: [] });
  });

  it('has its reasoning told from its content', () => {
    expect(read(hermes, '<think>\nLet me see.\n\nYes.\n</think>\n\nIt is so.')).toEqual({
      content: 'It is so.',
      reasoning: 'Let me see.\n\nYes.',
      calls: [],
    });
  });

  it('takes no call of an earlier turn for one of its own, where results follow it without a header', () => {
    const prompt =
      '<|im_start|>assistant\n<tool_call>{"name": "now", "arguments": {}}</tool_call><|im_end|>[RESULT]12:00[/RESULT]';
    expect(read(hermes, 'Noon.', { prompt })).toEqual({ content: 'Noon.', reasoning: '', calls: [] });
  });

  it('goes on with reasoning that the prompt began', () => {
    expect(read(hermes, 'Hm.\n</think>\n\nYes.', { prompt: 'x<|im_start|>assistant\n<think>\n' })).toEqual({
      content: 'Yes.',
      reasoning: 'Hm.',
      calls: [],
    });
  });

  it('does not take reasoning of an earlier turn for its own', () => {
    const prompt =
      '<|im_start|>assistant\n<think>old</think>old<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n';
    expect(read(hermes, 'Yes.', { prompt })).toEqual({ content: 'Yes.', reasoning: '', calls: [] });
  });

  it('is not what stands behind an earlier turn where the prompt ends otherwise, as behind results', () => {
    const instruct: AnswerFormat = { ...hermes, header: '[/INST]' };
    expect(read(instruct, 'Sunny.', { prompt: `[INST]x[/INST]${call()}</s>[RESULT]sunny[/RESULT]` })).toEqual({
      content: 'Sunny.',
      reasoning: '',
      calls: [],
    });
    expect(
      read(instruct, 'Hm.</think>Sunny.', { prompt: `[INST]x[/INST]${call()}</s>[RESULT]sunny[/RESULT]<think>` }),
    ).toEqual({ content: 'Sunny.', reasoning: 'Hm.', calls: [] });
    const joint: AnswerFormat = {
      ...hermes,
      header: '<|end|><|start|>assistant',
      reasoning: { start: '<|think|>', end: '<|end|><|start|>assistant' },
    };
    expect(new AnswerReader(joint, { prompt: '<|result|>x<|end|><|start|>assistant' }).reasoningStart).toBe('allowed');
  });

  it('does not begin with words that the template begins it with', () => {
    expect(read(hermes, 'Yes.', { prompt: '<|im_start|>assistant\nHere I answer:\n' })).toEqual({
      content: 'Yes.',
      reasoning: '',
      calls: [],
    });
  });

  it('gives calls with their arguments as they were written', () => {
    expect(read(hermes, `I look it up.\n${call('{"city": "a \\"b\\" </x>", "days": 10000000000000000001}')}`)).toEqual({
      content: 'I look it up.',
      reasoning: '',
      calls: [['get_weather', '{"city": "a \\"b\\" </x>", "days": 10000000000000000001}']],
    });
  });

  it('gives several calls, and {} for no arguments', () => {
    expect(read(hermes, `${call()}\n<tool_call>\n{"name": "now"}\n</tool_call>`).calls).toEqual([
      ['get_weather', weather],
      ['now', '{}'],
    ]);
  });

  it('takes fields in any order, and arguments that are JSON text', () => {
    expect(read(hermes, `<tool_call>{"arguments": ${weather}, "name": "get_weather"}</tool_call>`).calls).toEqual([
      ['get_weather', weather],
    ]);
    expect(
      read(hermes, `<tool_call>{"name": "get_weather", "arguments": ${JSON.stringify(weather)}}</tool_call>`).calls,
    ).toEqual([['get_weather', weather]]);
  });

  it('takes types of tagged arguments from the schema of the tool', () => {
    const text =
      '<tool_call>\n<function=get_weather>\n<parameter=city>\nSão "Paulo"\nBR\n</parameter>\n<parameter=days>\n3\n</parameter>\n<parameter=zip>\n007\n</parameter>\n<parameter=near>\n{"a": [1.50]}\n</parameter>\n</function>\n</tool_call>';
    expect(read(coder, text).calls).toEqual([
      ['get_weather', '{"city": "São \\"Paulo\\"\\nBR", "days": 3, "zip": "007", "near": {"a": [1.50]}}'],
    ]);
  });

  it('reads a bare JSON call only where an answer begins with one', () => {
    expect(read(bare, '{"name": "get_weather", "parameters": {"city": "x"}}').calls).toEqual([
      ['get_weather', '{"city": "x"}'],
    ]);
    expect(read(bare, '{"type": "function", "name": "get_weather", "parameters": {"city": "x"}}').calls).toEqual([
      ['get_weather', '{"city": "x"}'],
    ]);
    expect(read(bare, '{"name": "Bob", "age": 3}')).toEqual({
      content: '{"name": "Bob", "age": 3}',
      reasoning: '',
      calls: [],
    });
    expect(read(bare, 'So: {"name": "now"}').calls).toEqual([]);
  });

  it('takes an object for arguments, or none, and nothing else', () => {
    expect(read(bare, '{"name": "now", "parameters": null}').calls).toEqual([['now', '{}']]);
    for (const text of [
      '{"name": "get_weather", "arguments": #}',
      '{"name": "get_weather", "arguments": [1]}',
      '{"arguments": 12, "name": "get_weather"}',
    ]) {
      expect(read(bare, text)).toEqual({ content: text, reasoning: '', calls: [] });
    }
  });

  it('goes over fields that it does not know, however they are cut', () => {
    expect(read(bare, '{"score": -12, "list": [1, "]"], "name": "now", "ok": true}').calls).toEqual([['now', '{}']]);
  });
});

describe('an answer that goes on with what was begun', () => {
  const more = (prompt: string, text: string): ReturnType<typeof joined> =>
    read(hermes, text, { prompt: `<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n${prompt}`, isBegun: true });

  it('keeps the white space that it begins with, and gives nothing of the beginning again', () => {
    expect(more('The capital', ' is\nParis. ')).toEqual({ content: ' is\nParis. ', reasoning: '', calls: [] });
    expect(more('<think>Hm.</think>So', '\n\nyes.')).toEqual({ content: '\n\nyes.', reasoning: '', calls: [] });
    expect(more('', ' Paris.')).toEqual({ content: 'Paris.', reasoning: '', calls: [] });
  });

  it('goes on with its reasoning, and ends it', () => {
    expect(more('<think>I see', ' it.</think>\nYes.')).toEqual({ content: 'Yes.', reasoning: ' it.', calls: [] });
  });

  it('calls tools behind it without a marker only where calls are demanded', () => {
    const text = `\n{"name": "get_weather", "parameters": ${weather}}`;
    const prompt = `${bare.header}I look`;
    expect(read(bare, text, { prompt, isBegun: true, mustCall: true })).toEqual({
      content: '',
      reasoning: '',
      calls: [['get_weather', weather]],
    });
    expect(read(bare, text, { prompt, isBegun: true })).toMatchObject({ calls: [] });
  });

  it('may call tools behind it', () => {
    expect(more('I look', ` it up. ${call()}`)).toEqual({
      content: ' it up.',
      reasoning: '',
      calls: [['get_weather', weather]],
    });
  });
});

describe('content that is asked to be JSON', () => {
  it.each([
    ['```json\n{"a": 1}\n```', '{"a": 1}'],
    ['```\n[1]\n```\n', '[1]'],
    ['<think>x</think>\n```JSON {"a": "```"} ```', '{"a": "```"}'],
    ['{"a": "```"}', '{"a": "```"}'],
    ['```json\n{"a": 1', '{"a": 1'],
    ['``', '``'],
    ['"x ```', '"x ```'],
  ])('has no fence around it: %j', (text, content) => {
    expect(read(hermes, text, { isJson: true }).content).toBe(content);
  });

  it('stands before a call without its fence too', () => {
    expect(read(hermes, `\`\`\`json\n{}\n\`\`\`\n${call()}`, { isJson: true })).toEqual({
      content: '{}',
      reasoning: '',
      calls: [['get_weather', weather]],
    });
  });
});

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
