import type { AnswerFormat } from '@starling/grammar';
import { AnswerReader } from './answer-reader.js';
import { bare, call, coder, hermes, type joined, read, weather } from './answer-reader.test-support.js';

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
