import type { ChatMessage, ToolDefinition } from '../messages.js';
import { CHATML_TEMPLATE, compileTemplate } from '../template.js';

const tools: ToolDefinition[] = [
  {
    type: 'function',
    function: {
      name: 'weather',
      description: 'Of a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } } },
    },
  },
];
const call = (city: string, id: string) => ({
  id,
  type: 'function' as const,
  function: { name: 'weather', arguments: JSON.stringify({ city }) },
});
const fitted = (source: string, messages: ChatMessage[], own?: ToolDefinition[]): string =>
  compileTemplate(source).render(messages, { fit: true, tools: own }).text;

/** Writes every message that it is given, and refuses what a condition says. */
const strict = (refusals: string): string =>
  `{%- for m in messages -%}${refusals}{{- '<' ~ m.role ~ '>' ~ m.content ~ (m.tool_calls | map(attribute='function') | map(attribute='arguments') | map('tojson') | join('|') if m.tool_calls else '') -}}{%- endfor -%}{%- if tools %}{{ '<tools>' ~ tools[0].function.name ~ tools | length ~ tools | map(attribute='function') | map(attribute='name') | join(' ') }}{% endif -%}{%- if add_generation_prompt -%}<assistant>{%- endif -%}`;
const refuse = (condition: string): string => strict(`{%- if ${condition} -%}{{ raise_exception('no') }}{%- endif -%}`);

describe('a conversation fitted to a template', () => {
  it('is given as it is to one that takes all of it', () => {
    const talk: ChatMessage[] = [
      { role: 'system', content: 's' },
      { role: 'user', content: 'a' },
      { role: 'user', content: 'b' },
      { role: 'assistant', content: '', tool_calls: [call('Oslo', 'x'), call('Rome', 'y')] },
      { role: 'tool', content: 'r' },
      { role: 'system', content: 't' },
    ];
    expect(fitted(strict(''), talk, tools)).toBe(
      '<system>s<user>a<user>b<assistant>{"city": "Oslo"}|{"city": "Rome"}<tool>r<system>t<tools>weather1weather<assistant>',
    );
  });

  it('has its instructions in the first message of the user where there is no system role', () => {
    expect(
      fitted(refuse("m.role == 'system'"), [
        { role: 'system', content: 's' },
        { role: 'developer', content: 'd' },
        { role: 'user', content: 'a' },
      ]),
    ).toBe('<user>s\n\nd\n\na<assistant>');
    expect(fitted(refuse("m.role == 'system'"), [{ role: 'system', content: 's' }])).toBe('<user>s<assistant>');
  });

  it('has later instructions in front of the next message of the user where only the first may be some', () => {
    const talk: ChatMessage[] = [
      { role: 'system', content: 's' },
      { role: 'system', content: 't' },
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b' },
      { role: 'system', content: 'u' },
      { role: 'user', content: 'c' },
    ];
    expect(fitted(refuse("m.role == 'system' and not loop.first"), talk)).toBe(
      '<system>s\n\nt<user>a<assistant>b<user>u\n\nc<assistant>',
    );
  });

  it('has one message where roles must alternate', () => {
    const talk: ChatMessage[] = [
      { role: 'user', content: 'a' },
      { role: 'user', content: [{ type: 'text', text: 'b' }] },
      { role: 'assistant', content: 'c' },
      { role: 'assistant', content: 'd' },
      { role: 'user', content: 'e' },
    ];
    expect(fitted(refuse("loop.previtem is defined and loop.previtem.role == m.role and m.role != 'tool'"), talk)).toBe(
      '<user>a\n\nb<assistant>c\n\nd<user>e<assistant>',
    );
  });

  it('calls one tool at a time where a message may have one call', () => {
    const talk: ChatMessage[] = [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b', tool_calls: [call('Oslo', 'x'), call('Rome', 'y')] },
      { role: 'tool', content: '2', tool_call_id: 'y' },
      { role: 'tool', content: '1', tool_call_id: 'x' },
    ];
    expect(fitted(refuse('m.tool_calls and m.tool_calls | length > 1'), talk, tools)).toBe(
      '<user>a<assistant>b{"city": "Oslo"}<tool>1<assistant>{"city": "Rome"}<tool>2<tools>weather1weather<assistant>',
    );
  });

  it('has text beside calls in front of them where a message is either, else at the beginning of the answer that follows', () => {
    const talk: ChatMessage[] = [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b', tool_calls: [call('Oslo', 'x')] },
      { role: 'tool', content: '1', tool_call_id: 'x' },
      { role: 'assistant', content: 'c' },
      { role: 'user', content: 'd' },
    ];
    const either = (source: string): string => source.replace('m.content', "('' if m.tool_calls else m.content)");
    expect(fitted(either(strict('')), talk, tools)).toBe(
      '<user>a<assistant>b<assistant>{"city": "Oslo"}<tool>1<assistant>c<user>d<tools>weather1weather<assistant>',
    );
    const alternating = either(
      refuse("loop.previtem is defined and loop.previtem.role == m.role and m.role != 'tool'"),
    );
    expect(fitted(alternating, talk, tools)).toBe(
      '<user>a<assistant>{"city": "Oslo"}<tool>1<assistant>b\n\nc<user>d<tools>weather1weather<assistant>',
    );
  });

  it('tells of tools, calls and results in words where the template has none', () => {
    const text = fitted(
      CHATML_TEMPLATE.replace(
        "message['role']",
        "(message['role'] if message['role'] != 'tool' else raise_exception('no'))",
      ),
      [
        { role: 'system', content: 's' },
        { role: 'user', content: 'a' },
        { role: 'assistant', content: null, tool_calls: [call('Oslo', 'x'), call('Rome', 'y')] },
        { role: 'tool', content: '1', tool_call_id: 'x' },
        { role: 'tool', content: '2', tool_call_id: 'y' },
      ],
      tools,
    );
    expect(text).toContain('<|im_start|>system\ns\n\n# Tools');
    expect(text).toContain('"name": "weather", "description": "Of a city"');
    expect(text).toContain(
      '<|im_start|>assistant\n<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>\n<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call><|im_end|>',
    );
    expect(text).toContain(
      '<|im_start|>user\n<tool_response>\n1\n</tool_response>\n<tool_response>\n2\n</tool_response><|im_end|>',
    );
  });

  it('knows the role of developers only where a template names it', () => {
    const talk: ChatMessage[] = [
      { role: 'developer', content: 'd' },
      { role: 'user', content: 'a' },
    ];
    expect(fitted(strict(''), talk)).toBe('<system>d<user>a<assistant>');
    expect(fitted(strict("{%- if m.role == 'developer' -%}!{%- endif -%}"), talk)).toBe(
      '!<developer>d<user>a<assistant>',
    );
  });

  it('has documents where the template shows them, and is refused with them elsewhere', () => {
    const documents = [{ title: 't', text: 'facts' }];
    const messages: ChatMessage[] = [{ role: 'user', content: 'a' }];
    expect(
      compileTemplate(`{% for d in documents %}[{{ d.text }}]{% endfor %}${strict('')}`).render(messages, {
        fit: true,
        documents,
      }).text,
    ).toBe('[facts]<user>a<assistant>');
    expect(() => compileTemplate(strict('')).render(messages, { fit: true, documents })).toThrow(
      expect.objectContaining({ code: 'invalid_request', details: { param: 'documents' } }),
    );
  });

  it('is shown in parts where a template takes nothing else', () => {
    const source = '{% for m in messages %}{% for part in m.content %}{{ part.text }}{% endfor %}|{% endfor %}';
    expect(
      compileTemplate(source).render([
        { role: 'user', content: 'a' },
        { role: 'assistant', content: [{ type: 'text', text: 'b' }] },
      ]).text,
    ).toBe('a|b|');
  });
});

describe('the last message continued', () => {
  const messages: ChatMessage[] = [
    { role: 'user', content: 'a' },
    { role: 'assistant', content: 'The answer is ' },
  ];

  it('ends the prompt where its content ends', () => {
    expect(compileTemplate(CHATML_TEMPLATE).render(messages, { continueFinalMessage: true }).text).toBe(
      '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nThe answer is ',
    );
    expect(
      compileTemplate(strict('').replace('m.content', 'm.content | trim')).render(messages, {
        continueFinalMessage: true,
      }).text,
    ).toBe('<user>a<assistant>The answer is');
  });

  it("has to be the assistant's, with text", () => {
    for (const talk of [messages.slice(0, 1), [messages[0], { role: 'assistant', content: '' }]]) {
      expect(() => compileTemplate(CHATML_TEMPLATE).render(talk, { continueFinalMessage: true })).toThrow(
        expect.objectContaining({ code: 'invalid_request' }),
      );
    }
  });
});

describe('the spans of messages', () => {
  it('are where their text stands', () => {
    const { text, spans } = compileTemplate(CHATML_TEMPLATE).render([
      { role: 'system', content: 's1' },
      { role: 'user', content: 'u2' },
      { role: 'assistant', content: 'a3' },
    ]);
    expect(spans.map(({ message, role, start, end }) => [message, role, text.slice(start, end)])).toEqual([
      [0, 'system', 'system\ns1'],
      [1, 'user', 'user\nu2'],
      [2, 'assistant', 'assistant\na3'],
    ]);
  });
});
