/**
 * Templates of our own that write answers as those of the common families do: one a way to write calls. They are what the tests of reading
 * and of grammars run on where the public templates are not at hand.
 */

interface Parts {
  /** What stands around an assistant's turn. */
  readonly open?: string;
  readonly close?: string;
  /** Around content, where the family marks it. */
  readonly content?: readonly [string, string];
  readonly reasoning?: readonly [string, string];
  /** No content is written beside calls. */
  readonly isEither?: boolean;
  /** The calls, in Jinja. */
  readonly calls: string;
}

const text = (value: string): string => `{{ ${JSON.stringify(value)} }}`;

function template({
  open = '<|im_start|>assistant\n',
  close = '<|im_end|>\n',
  content = ['', ''],
  reasoning,
  isEither = false,
  calls,
}: Parts): string {
  const think = reasoning
    ? `{%- if m.reasoning_content %}${text(reasoning[0])}{{ m.reasoning_content }}${text(reasoning[1])}{%- endif %}`
    : '';
  return (
    `{%- if tools %}<|im_start|>system\n{%- for tool in tools %}{{ tool | tojson }}{%- endfor %}<|im_end|>\n{%- endif %}` +
    `{%- for m in messages %}{%- if m.role == "assistant" %}${text(open)}${think}{%- if m.content${isEither ? ' and not m.tool_calls' : ''} %}${text(content[0])}{{ m.content }}${text(content[1])}{%- endif %}${calls}${text(close)}` +
    `{%- else %}{{ "<|im_start|>" + m.role + "\\n" + m.content + "<|im_end|>\\n" }}{%- endif %}{%- endfor %}{%- if add_generation_prompt %}${text(open)}{%- endif %}`
  );
}

const each = (body: string, between = ''): string =>
  `{%- for c in m.tool_calls or [] %}${body}${between === '' ? '' : `{%- if not loop.last %}${text(between)}{%- endif %}`}{%- endfor %}`;
const section = (open: string, body: string, close: string): string =>
  `{%- if m.tool_calls %}${text(open)}${body}${text(close)}{%- endif %}`;
const think = ['<think>\n', '\n</think>\n\n'] as const;
/** Values as most templates with tags write them: texts as they are, others as JSON. */
const value = '{{ v if v is string else v | tojson }}';
const pairs = (body: string): string => `{%- for k, v in c.function.arguments.items() %}${body}{%- endfor %}`;

export const OWN_TEMPLATES = {
  hermes: template({
    reasoning: think,
    calls: each(
      `${text('\n<tool_call>\n{"name": "')}{{ c.function.name }}${text('", "arguments": ')}{{ c.function.arguments | tojson }}${text('}\n</tool_call>')}`,
    ),
  }),
  llama: template({
    open: '<|start_header_id|>assistant<|end_header_id|>\n\n',
    close: '<|eot_id|>',
    isEither: true,
    calls: `{%- if m.tool_calls and m.tool_calls | length > 1 %}{{ raise_exception("one at a time") }}{%- endif %}${each(`${text('{"name": "')}{{ c.function.name }}${text('", "parameters": ')}{{ c.function.arguments | tojson }}${text('}')}`)}`,
  }),
  mistral: template({
    open: '[/INST]',
    close: '</s>',
    calls: section(
      '[TOOL_CALLS] [',
      each(
        `${text('{"name": "')}{{ c.function.name }}${text('", "arguments": ')}{{ c.function.arguments | tojson }}${text(', "id": "')}{{ c.id }}${text('"}')}`,
        ', ',
      ),
      ']',
    ),
  }),
  mistralNamed: template({
    open: '[/INST]',
    close: '</s>',
    reasoning: ['[THINK]', '[/THINK]'],
    calls: each(
      `${text('[TOOL_CALLS]')}{{ c.function.name }}${text('[CALL_ID]')}{{ c.id }}${text('[ARGS]')}{{ c.function.arguments | tojson }}`,
    ),
  }),
  command: template({
    open: '<|CHATBOT_TOKEN|>',
    close: '<|END_OF_TURN_TOKEN|>',
    content: ['<|START_RESPONSE|>', '<|END_RESPONSE|>'],
    reasoning: ['<|START_THINKING|>', '<|END_THINKING|>'],
    calls: section(
      '<|START_ACTION|>[\n',
      each(
        `${text('    {"tool_call_id": "')}{{ loop.index0 }}${text('", "tool_name": "')}{{ c.function.name }}${text('", "parameters": ')}{{ c.function.arguments | tojson }}${text('}')}`,
        ',\n',
      ),
      '\n]<|END_ACTION|>',
    ),
  }),
  nameAsKey: template({
    open: '<|assistant_start|>',
    close: '<|assistant_end|>',
    calls: section(
      '<|tools_prefix|>[',
      each(`${text('{"')}{{ c.function.name }}${text('": ')}{{ c.function.arguments | tojson }}${text('}')}`, ', '),
      ']<|tools_suffix|>',
    ),
  }),
  kimi: template({
    open: '<|im_assistant|>assistant<|im_middle|>',
    close: '<|im_end|>',
    calls: section(
      '<|tool_calls_section_begin|>',
      each(
        `${text('<|tool_call_begin|>functions.')}{{ c.function.name }}:{{ loop.index0 }}${text('<|tool_call_argument_begin|>')}{{ c.function.arguments | tojson }}${text('<|tool_call_end|>')}`,
      ),
      '<|tool_calls_section_end|>',
    ),
  }),
  deepseek: template({
    open: '<｜Assistant｜>',
    close: '<｜end▁of▁sentence｜>',
    reasoning: think,
    calls: section(
      '<｜tool▁calls▁begin｜>',
      each(
        `${text('<｜tool▁call▁begin｜>function<｜tool▁sep｜>')}{{ c.function.name }}${text('\n```json\n')}{{ c.function.arguments | tojson }}${text('\n```<｜tool▁call▁end｜>')}`,
        '\n',
      ),
      '<｜tool▁calls▁end｜>',
    ),
  }),
  functionary: template({
    open: '<|start_header_id|>assistant<|end_header_id|>\n\n>>>',
    close: '<|eot_id|>',
    content: ['all\n', ''],
    calls: each(
      `{%- if m.content or not loop.first %}${text('>>>')}{%- endif %}{{ c.function.name }}${text('\n')}{{ c.function.arguments | tojson }}`,
    ),
  }),
  coder: template({
    calls: each(
      `${text('<tool_call>\n<function=')}{{ c.function.name }}${text('>\n')}${pairs(`${text('<parameter=')}{{ k }}${text('>\n')}${value}${text('\n</parameter>\n')}`)}${text('</function>\n</tool_call>')}`,
      '\n',
    ),
  }),
  glm: template({
    open: '<|assistant|>',
    close: '<|user|>',
    reasoning: ['<think>', '</think>'],
    calls: each(
      `${text('<tool_call>')}{{ c.function.name }}${text('\n')}${pairs(`${text('<arg_key>')}{{ k }}${text('</arg_key>\n<arg_value>')}${value}${text('</arg_value>\n')}`)}${text('</tool_call>')}`,
    ),
  }),
  glmTight: template({
    open: '<|assistant|>',
    close: '<|user|>',
    reasoning: ['<think>', '</think>'],
    calls: each(
      `${text('<tool_call>')}{{ c.function.name }}${pairs(`${text('<arg_key>')}{{ k }}${text('</arg_key><arg_value>')}${value}${text('</arg_value>')}`)}${text('</tool_call>')}`,
    ),
  }),
  dsml: template({
    open: '<｜Assistant｜>',
    close: '<｜end▁of▁sentence｜>',
    reasoning: ['<think>', '</think>'],
    calls: section(
      '\n\n<｜DSML｜function_calls>\n',
      each(
        `${text('<｜DSML｜invoke name="')}{{ c.function.name }}${text('">\n')}${pairs(`${text('<｜DSML｜parameter name="')}{{ k }}${text('" string="')}{{ "true" if v is string else "false" }}${text('">')}${value}${text('</｜DSML｜parameter>\n')}`)}${text('</｜DSML｜invoke>\n')}`,
      ),
      '</｜DSML｜function_calls>',
    ),
  }),
  typed: template({
    open: '<|open|>message role="assistant"<|sep|>',
    close: '<|close|>message<|sep|>',
    content: ['<|open|>response<|sep|>', '<|close|>response<|sep|>'],
    reasoning: ['<|open|>think<|sep|>', '<|close|>think<|sep|>'],
    calls: section(
      '<|open|>tools<|sep|>',
      each(
        `${text('<|open|>call tool="')}{{ c.function.name }}${text('" index="')}{{ loop.index }}${text('"<|sep|>')}` +
          `${pairs(`${text('<|open|>argument key="')}{{ k }}${text('" type="')}{{ "string" if v is string else "boolean" if v is boolean else "number" if v is number else "object" if v is mapping else "null" if v is none else "array" }}${text('"<|sep|>')}${value}${text('<|close|>argument<|sep|>')}`)}${text('<|close|>call<|sep|>')}`,
      ),
      '<|close|>tools<|sep|>',
    ),
  }),
  harmony: template({
    open: '<|start|>assistant',
    close: '',
    content: ['<|channel|>final<|message|>', '<|return|>'],
    reasoning: ['<|channel|>analysis<|message|>', '<|end|><|start|>assistant'],
    isEither: true,
    // Words to the user before a call go to the channel commentary, which the template does not show.
    calls: `{%- if m.tool_calls and m.tool_calls | length > 1 %}{{ raise_exception("one at a time") }}{%- endif %}${each(`${text(' to=functions.')}{{ c.function.name }}${text('<|channel|>commentary json<|message|>')}{{ c.function.arguments | tojson }}${text('<|call|>')}`)}`,
  }),
  nested: template({
    open: ']~b]ai\n',
    close: '[e~[\n',
    reasoning: ['<mm:think>', '</mm:think>'],
    calls:
      '{%- macro xml(v) %}{%- if v is mapping %}{%- for k, x in v.items() %}]|[<{{ k }}>{{ xml(x) }}]|[</{{ k }}>{%- endfor %}{%- elif v is iterable and v is not string %}{%- for x in v %}]|[<item>{{ xml(x) }}]|[</item>{%- endfor %}{%- elif v is string %}{{ v }}{%- else %}{{ v | tojson }}{%- endif %}{%- endmacro %}' +
      section(
        ']|[<tool_call>\n',
        each(
          `${text(']|[<invoke name="')}{{ c.function.name }}${text('">')}${pairs(`${text(']|[<')}{{ k }}>{{ xml(v) }}${text(']|[</')}{{ k }}>`)}${text(']|[</invoke>\n')}`,
        ),
        ']|[</tool_call>',
      ),
  }),
  cdata: template({
    reasoning: think,
    calls: each(
      `${text('<function name="')}{{ c.function.name }}${text('">')}${pairs(`${text('<param name="')}{{ k }}${text('">')}{%- if v is string and ("<" in v or "&" in v or "\\n" in v) %}${text('<![CDATA[')}{{ v }}${text(']]>')}{%- else %}{{ v }}{%- endif %}${text('</param>')}`)}${text('</function>')}`,
      '\n',
    ),
  }),
  python: template({
    calls: section(
      '<|tool_call_start|>[',
      each(
        `{{ c.function.name }}(${pairs(`{{ k }}={%- if v is string %}'{{ v }}'{%- elif v is mapping %}{{ v | tojson }}{%- else %}{{ v }}{%- endif %}{%- if not loop.last %}, {% endif %}`)})`,
        ', ',
      ),
      ']<|tool_call_end|>',
    ),
  }),
  gemma: template({
    open: '<|turn>model\n',
    close: '<turn|>\n',
    reasoning: ['<|channel>thought\n', '<channel|>'],
    calls:
      '{%- macro literal(v) %}{%- if v is string %}<|"|>{{ v }}<|"|>{%- elif v is mapping %}{ {%- for k, x in v.items() %}{{ k }}:{{ literal(x) }}{%- if not loop.last %},{%- endif %}{%- endfor %}}{%- elif v is sequence %}[{%- for x in v %}{{ literal(x) }}{%- if not loop.last %},{%- endif %}{%- endfor %}]{%- else %}{{ v | tojson }}{%- endif %}{%- endmacro %}' +
      each(
        `${text('<|tool_call>call:')}{{ c.function.name }}{ ${pairs(`{{ k }}:{{ literal(v) }}{%- if not loop.last %},{%- endif %}`)}${text('}<tool_call|>')}`,
      ),
  }),
} as const satisfies Record<string, string>;
