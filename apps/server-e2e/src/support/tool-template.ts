/**
 * A chat template that takes instructions at the beginning alone, shows calls, and leaves out what was thought before the user's last words unless it
 * is told to keep it, as many do. Behind the results of tools an answer begins after a tab, so that a scripted model can tell.
 */
export const TOOL_TEMPLATE = `{%- set seen = namespace(user=0) -%}
{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set seen.user = loop.index0 -%}{%- endif -%}{%- endfor -%}
{{- '<|im_start|>system\\n' -}}
{%- if messages[0].role == 'system' -%}{{ messages[0].content + '\\n' }}{%- endif -%}
{%- if tools -%}{{ '<tools>' }}{%- for tool in tools -%}{{ '\\n' + tool | tojson }}{%- endfor -%}{{ '\\n</tools>\\n' }}{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- for m in messages -%}
{%- if m.role == 'system' -%}
{%- if not loop.first -%}{{ raise_exception('Instructions come first.') }}{%- endif -%}
{%- elif m.role == 'tool' -%}
{{ '<|im_start|>user\\n<tool_response>\\n' + m.content + '\\n</tool_response><|im_end|>\\n' }}
{%- else -%}
{{ '<|im_start|>' + m.role + ('\\t' if loop.previtem is defined and loop.previtem.role == 'tool' else '\\n') }}
{%- if m.reasoning_content and (preserve_thinking or loop.index0 > seen.user) -%}{{ '<think>\\n' + m.reasoning_content + '\\n</think>\\n\\n' }}{%- endif -%}
{{ m.content }}
{%- for call in m.tool_calls or [] -%}{{ '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) + '}\\n</tool_call>' }}{%- endfor -%}
{{ '<|im_end|>\\n' }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant' + ('\\t' if messages[-1].role == 'tool' else '\\n') }}{%- endif -%}`;
