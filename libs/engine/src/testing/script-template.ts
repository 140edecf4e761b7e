/** How conversations with a scripted model are written: ChatML, with reasoning and calls of tools between tags. */
export const SCRIPT_TEMPLATE = [
  `{%- if tools %}{{- '<|im_start|>system\\n' }}{%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}`,
  `{{- '<tools>' }}{%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}{%- endfor %}{{- '\\n</tools><|im_end|>\\n' }}`,
  `{%- elif messages[0].role == 'system' %}{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}{%- endif %}`,
  `{%- for message in messages %}`,
  `{%- if message.role == 'assistant' %}{{- '<|im_start|>assistant\\n' }}`,
  `{%- if message.reasoning_content %}{{- '<think>\\n' + message.reasoning_content + '\\n</think>\\n\\n' }}{%- endif %}`,
  `{%- if message.content %}{{- message.content }}{%- endif %}`,
  `{%- for call in message.tool_calls %}{%- if not loop.first or message.content %}{{- '\\n' }}{%- endif %}`,
  `{{- '<tool_call>\\n{"name": "' }}{{- call.function.name }}{{- '", "arguments": ' }}{{- call.function.arguments | tojson }}{{- '}\\n</tool_call>' }}{%- endfor %}`,
  `{{- '<|im_end|>\\n' }}`,
  `{%- elif message.role == 'tool' %}{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}`,
  `{%- elif not (loop.first and message.role == 'system') %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endif %}`,
  `{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}`,
].join('');
