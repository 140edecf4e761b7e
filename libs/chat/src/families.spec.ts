import type { ChatMessage, ToolDefinition } from './messages.js';
import { renderChat } from './render-chat.js';

/**
 * Templates of our own that do what those of the common model families do, with the means that they use: namespaces, macros, slices,
 * tests, filters, whitespace control, method calls, refusals.
 */
const tools: ToolDefinition[] = [
  {
    type: 'function',
    function: {
      name: 'weather',
      description: 'Weather of a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } } },
    },
  },
];
const call = {
  id: 'abcdefghi',
  type: 'function',
  function: { name: 'weather', arguments: '{"city": "Oslo"}' },
} as const;
const toolTalk: ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Weather in Oslo?' },
  { role: 'assistant', content: null, tool_calls: [call] },
  { role: 'tool', content: '{"celsius": 3}', tool_call_id: 'abcdefghi' },
];
const talk: ChatMessage[] = [
  { role: 'user', content: ' Hi ' },
  { role: 'assistant', content: 'Hello.' },
  { role: 'user', content: 'Bye' },
];

describe('templates in the manner of Llama 3', () => {
  const template = `{{- bos_token }}
{%- if not date_string is defined %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none and tools is defined %}{{- "Environment: ipython\\n" }}{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" + system_message + "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls | length == 1 %}{{- raise_exception("This model calls one tool at a time") }}{%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n{"name": "' + tool_call.name + '", "parameters": ' }}
        {{- tool_call.arguments | tojson }}
        {{- "}<|eot_id|>" }}
    {%- else %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" + message.content + "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}
`;
  const head = (role: string): string => `<|start_header_id|>${role}<|end_header_id|>\n\n`;

  it('render conversations', () => {
    expect(renderChat({ template, messages: talk, bosToken: '<|begin_of_text|>' })).toBe(
      `<|begin_of_text|>${head('system')}Today Date: 26 Jul 2024\n\n<|eot_id|>${head('user')}Hi<|eot_id|>${head('assistant')}Hello.<|eot_id|>${head('user')}Bye<|eot_id|>${head('assistant')}`,
    );
  });

  it('render tools, and the variables of the caller', () => {
    expect(renderChat({ template, messages: toolTalk, tools, variables: { date_string: '1 May 2026' } })).toBe(
      `${head('system')}Environment: ipython\nToday Date: 1 May 2026\n\nBe brief.<|eot_id|>${head('user')}Weather in Oslo?<|eot_id|>` +
        `${head('assistant')}{"name": "weather", "parameters": {"city": "Oslo"}}<|eot_id|>${head('ipython')}{"celsius": 3}<|eot_id|>${head('assistant')}`,
    );
  });

  it('refuse what the model cannot do, in their own words', () => {
    const messages: ChatMessage[] = [{ role: 'assistant', tool_calls: [call, call] }];
    expect(() => renderChat({ template, messages })).toThrow('one tool at a time');
  });
});

describe('templates in the manner of Mistral', () => {
  const template = `{%- if messages[0]["role"] == "system" %}{%- set system_message = messages[0]["content"] %}{%- set loop_messages = messages[1:] %}
{%- else %}{%- set loop_messages = messages %}{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace(index=0) %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or message.tool_calls is defined) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}{{- raise_exception("roles must alternate user/assistant") }}{%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is defined and message == user_messages[-1] %}{{- "[AVAILABLE_TOOLS] " + (tools | tojson) + "[/AVAILABLE_TOOLS]" }}{%- endif %}
        {%- if loop.last and system_message is defined %}{{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}{{- "[INST] " + message["content"] + "[/INST]" }}{%- endif %}
    {%- elif message.tool_calls is defined %}
        {{- "[TOOL_CALLS] [" }}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.id | length != 9 %}{{- raise_exception("ids of tool calls have 9 characters") }}{%- endif %}
            {%- set out = tool_call.function | tojson %}
            {{- out[:-1] + ', "id": "' + tool_call.id + '"}' }}{{- ", " if not loop.last else "]" + eos_token }}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}{{- " " + message["content"] | trim + eos_token }}
    {%- elif message["role"] == "tool" %}{{- '[TOOL_RESULTS] {"content": ' + message.content + "}[/TOOL_RESULTS]" }}
    {%- endif %}
{%- endfor %}`;
  const tokens = { bosToken: '<s>', eosToken: '</s>' };

  it('render conversations, the system text with the last request', () => {
    expect(renderChat({ template, messages: talk, ...tokens })).toBe(
      '<s>[INST]  Hi [/INST] Hello.</s>[INST] Bye[/INST]',
    );
    expect(renderChat({ template, messages: toolTalk.slice(0, 2), ...tokens })).toBe(
      '<s>[INST] Be brief.\n\nWeather in Oslo?[/INST]',
    );
  });

  it('render tools and their calls', () => {
    const text = renderChat({ template, messages: toolTalk.slice(1), tools, ...tokens });
    expect(text).toContain('<s>[AVAILABLE_TOOLS] [{"type": "function", "function": {"name": "weather"');
    expect(text).toContain(
      '[/AVAILABLE_TOOLS][INST] Weather in Oslo?[/INST][TOOL_CALLS] [{"name": "weather", "arguments": {"city": "Oslo"}, "id": "abcdefghi"}]</s>',
    );
    expect(text.endsWith('[TOOL_RESULTS] {"content": {"celsius": 3}}[/TOOL_RESULTS]')).toBe(true);
  });

  it('refuse roles that do not alternate', () => {
    expect(() => renderChat({ template, messages: [talk[0], talk[0]], ...tokens })).toThrow(
      expect.objectContaining({ code: 'invalid_template' }),
    );
  });
});

describe('templates in the manner of Gemma', () => {
  const template = `{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}
{%- macro turn(role, text) %}{{ '<start_of_turn>' + role + '\\n' + text | trim + '<end_of_turn>\\n' }}{% endmacro %}
{%- for message in messages -%}
{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif -%}
{{ turn('model' if message['role'] == 'assistant' else message['role'], message['content']) }}
{%- endfor -%}
{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}`;

  it('render conversations', () => {
    expect(renderChat({ template, messages: talk, bosToken: '<bos>' })).toBe(
      '<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nHello.<end_of_turn>\n<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n',
    );
  });

  it('refuse system messages', () => {
    expect(() => renderChat({ template, messages: toolTalk })).toThrow('System role not supported');
  });
});

describe('templates in the manner of Phi', () => {
  const template =
    "{% for message in messages %}{% if message['role'] == 'system' and message['content'] %}{{'<|system|>\\n' + message['content'] + '<|end|>\\n'}}" +
    "{% elif message['role'] == 'user' %}{{'<|user|>\\n' + message['content'] + '<|end|>\\n'}}{% elif message['role'] == 'assistant' %}" +
    "{{'<|assistant|>\\n' + message['content'] + '<|end|>\\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}";

  it('render conversations', () => {
    expect(renderChat({ template, messages: toolTalk.slice(0, 2) })).toBe(
      '<|system|>\nBe brief.<|end|>\n<|user|>\nWeather in Oslo?<|end|>\n<|assistant|>\n',
    );
    expect(
      renderChat({ template, messages: talk, eosToken: '<|endoftext|>', addGenerationPrompt: false }).endsWith(
        'Bye<|end|>\n<|endoftext|>',
      ),
    ).toBe(true);
  });
});

describe('templates in the manner of Qwen 3', () => {
  const template = `{%- if tools %}
    {{- '<|im_start|>system\\n' }}{%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}
    {{- "<tools>" }}{%- for tool in tools %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}{{- "\\n</tools><|im_end|>\\n" }}
{%- elif messages[0].role == 'system' %}{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}{%- endif %}
{%- set ns = namespace(last_query=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if message.role == "user" and not (message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.last_query = [ns.last_query, index] | min if false else index %}{%- break %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.role == "user" %}{{- '<|im_start|>user\\n' + message.content + '<|im_end|>\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set content = message.content %}{%- set reasoning = '' %}
        {%- if message.reasoning_content is string %}{%- set reasoning = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>assistant\\n' }}
        {%- if loop.index0 > ns.last_query and reasoning %}{{- '<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' }}{%- endif %}
        {{- content }}
        {%- for tool_call in message.tool_calls or [] %}
            {{- '<tool_call>\\n{"name": "' + tool_call.function.name + '", "arguments": ' + (tool_call.function.arguments | tojson) + '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}`;

  it('leave earlier thinking out, and can begin without any', () => {
    const messages: ChatMessage[] = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: '<think>\nA greeting.\n</think>\n\nHello.' },
      { role: 'user', content: 'Bye' },
    ];
    expect(renderChat({ template, messages, variables: { enable_thinking: false } })).toBe(
      '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n',
    );
  });

  it('render tools, their calls and their answers', () => {
    const text = renderChat({ template, messages: toolTalk, tools });
    expect(
      text.startsWith(
        '<|im_start|>system\nBe brief.\n\n<tools>\n{"type": "function", "function": {"name": "weather", "description": "Weather of a city"',
      ),
    ).toBe(true);
    expect(text).toContain(
      '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call><|im_end|>\n<|im_start|>user\n<tool_response>\n{"celsius": 3}\n</tool_response><|im_end|>\n',
    );
  });
});
