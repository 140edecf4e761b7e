import { compileTemplate } from '../template.js';
import type { ChatMessage, ToolDefinition } from '../messages.js';
import { deriveAnswerParser, withCalls } from './answer-parser.js';
import type { AnswerMessage } from './answer-reader.js';

const tools: readonly ToolDefinition[] = ['get_weather', 'now'].map((name) => ({
  type: 'function',
  function: {
    name,
    description: 'A tool.',
    parameters: { type: 'object', properties: { city: { type: 'string', description: 'A city.' } }, required: [] },
  },
}));
const question: ChatMessage = { role: 'user', content: 'How is it in Rome?' };
const rome = '{"city": "Rome"}';

/** What is read of an answer: content, reasoning, and calls with their ids. */
function read(source: string, text: string): unknown {
  const template = compileTemplate(source);
  const { prompt, parser } = {
    prompt: template.render([question], { tools }).text,
    parser: deriveAnswerParser(template),
  };
  return summary(parser.parse(text, { tools, prompt }));
}

function summary({ content, reasoning_content: reasoning, tool_calls: calls = [] }: AnswerMessage): unknown {
  return {
    content,
    ...(reasoning !== undefined && { reasoning }),
    ...(calls.length > 0 && {
      calls: calls.map(({ id, function: { name, arguments: text } }) => [
        name,
        text,
        ...(id === undefined ? [] : [id]),
      ]),
    }),
  };
}

const turns = (assistant: string, begin: string): string =>
  `{%- for t in tools or [] %}{{ t | tojson }}{% endfor %}{%- for m in messages %}{%- if m.role == 'assistant' %}${assistant}{%- else %}<|{{ m.role }}|>{{ m.content }}<|end|>{%- endif %}{%- endfor %}{%- if add_generation_prompt %}${begin}{%- endif %}`;

describe('an answer parser', () => {
  it('finds names that a template writes by ids alone, and gives the ids', () => {
    const source = turns(
      '<|assistant|>{{ m.content }}{%- for c in m.tool_calls or [] %}<|call|>{{ c.id }}<|args|>{{ c.function.arguments | tojson }}<|/call|>{%- endfor %}<|end|>',
      '<|assistant|>',
    );
    expect(read(source, `I look.<|call|>functions.get_weather:0<|args|>${rome}<|/call|>`)).toEqual({
      content: 'I look.',
      calls: [['get_weather', rome, 'functions.get_weather:0']],
    });
    // Ids of other makers are replaced where the conversation goes on.
    const messages: ChatMessage[] = [
      question,
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ id: 'call_x', type: 'function', function: { name: 'now', arguments: {} } }],
      },
      { role: 'tool', tool_call_id: 'call_x', content: 'noon' },
    ];
    expect(compileTemplate(source).render(messages, { tools, fit: true }).text).toContain(
      '<|call|>functions.now:0<|args|>{}<|/call|>',
    );
  });

  it('knows a family whose calls have no marker, behind content between tags', () => {
    const source = turns(
      `<|assistant|>{%- if m.tool_calls %}<|python_start|>{{ m.content }}<|python_end|>{%- for c in m.tool_calls %}{"name": "{{ c.function.name }}", "parameters": {{ c.function.arguments | tojson }}}{%- endfor %}<|eom|>{%- else %}{{ m.content }}<|end|>{%- endif %}`,
      '<|assistant|>',
    );
    const [first, second] = [`{"name": "get_weather", "parameters": ${rome}}`, '{"name": "now", "parameters": {}}'];
    expect(read(source, `<|python_start|>I look.<|python_end|>${first}${second}<|eom|>`)).toEqual({
      content: 'I look.',
      calls: [
        ['get_weather', rome],
        ['now', '{}'],
      ],
    });
    expect(read(source, first)).toEqual({ content: null, calls: [['get_weather', rome]] });
    expect(read(source, `So: ${first}`)).toEqual({ content: `So: ${first}` });
  });

  it('takes off the end of a section that the template writes behind several calls alone', () => {
    const call = '<|call|>{{ c.function.name }}<|args|>{{ c.function.arguments | tojson }}<|/call|>';
    const source = turns(
      `<|assistant|>{{ m.content }}{%- if m.tool_calls %}<|calls|>{%- for c in m.tool_calls %}${call}{%- if loop.last and not loop.first %}<|/calls|><|stop|>{%- endif %}{%- endfor %}{%- else %}<|end|>{%- endif %}`,
      '<|assistant|>',
    );
    expect(read(source, `<|calls|><|call|>get_weather<|args|>${rome}<|/call|><|/calls|>`)).toEqual({
      content: null,
      calls: [['get_weather', rome]],
    });
  });

  it('knows reasoning that only the prompt opens, and the words that open it', () => {
    const plain = '<|assistant|>{{ m.content }}<|end|>';
    expect(read(turns(plain, '<|assistant|><think>'), 'Hm.</think>Yes.')).toEqual({
      content: 'Yes.',
      reasoning: 'Hm.',
    });
    expect(
      read(
        `{#- [BEGIN FINAL RESPONSE] -#}${turns(plain, '<|assistant|>\nHere are my reasoning steps:\n')}`,
        'Hm.\n[BEGIN FINAL RESPONSE]\nYes.',
      ),
    ).toEqual({ content: 'Yes.', reasoning: 'Hm.' });
  });

  it('knows reasoning that a template cuts off earlier answers', () => {
    expect(
      read(
        turns("<|assistant|>{{ m.content.split('</think>')[-1] }}<|end|>", '<|assistant|>'),
        '<think>Hm.</think>Yes.',
      ),
    ).toEqual({ content: 'Yes.', reasoning: 'Hm.' });
  });

  it('knows the calls of a family by the words with which its templates list tools', () => {
    const source = `{{- "List of tools: [" }}${turns('<|assistant|>{{ m.content }}<|end|>', '<|assistant|>')}`;
    expect(read(source, '<|tool_call_start|>[get_weather(city="Rome")]<|tool_call_end|>It is warm.')).toEqual({
      content: 'It is warm.',
      calls: [['get_weather', rome]],
    });
  });

  it('reads the calls that a model was told of in words, where its template shows no tools', () => {
    const template = compileTemplate(
      '{%- for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{%- endfor %}{%- if add_generation_prompt %}<|assistant|>{%- endif %}',
    );
    const parser = deriveAnswerParser(template);
    const prompt = template.render([question], { tools, fit: true }).text;
    expect([parser.readsCalls, prompt.includes('<tool_call>')]).toEqual([false, true]);
    expect(
      summary(
        withCalls(parser).parse(`<tool_call>\n{"name": "get_weather", "arguments": ${rome}}\n</tool_call>`, {
          tools,
          prompt,
        }),
      ),
    ).toEqual({ content: null, calls: [['get_weather', rome]] });
  });
});
