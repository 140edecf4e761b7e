import { parameterError } from '@starling/core';
import type { ServedItem } from './schema.js';

/** What a tool did that another server ran, or that the client has in a form of its own: a call as the model would have made it, what came of it, or both. */
export interface ServedStep {
  readonly call?: { readonly id: string; readonly name: string; readonly arguments: string };
  readonly output?: { readonly id: string; readonly text: string };
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * An item of history that tools of others made, as calls and outputs are told to a model; nothing where it tells the model nothing.
 * @throws StarlingError invalid_request for what is not text, by name
 */
export function servedStepOf(item: ServedItem, place: string): ServedStep {
  const id = item.call_id ?? item.id ?? '';
  const call = (name: string, values: unknown): ServedStep['call'] => ({
    id,
    name,
    arguments: typeof values === 'string' ? values : JSON.stringify(values ?? {}),
  });
  const text = (words: string): ServedStep['output'] => ({ id, text: words });
  switch (item.type) {
    case 'web_search_call': {
      const { type: kind, sources, ...action } = fieldsOf(item.action);
      const urls = listOf(sources).map(({ url }) => wordOf(url));
      return {
        call: call('web_search', { ...(kind !== 'search' && kind !== undefined && { action: kind }), ...action }),
        output: text(urls.length > 0 ? urls.join('\n') : statusOf(item)),
      };
    }
    case 'file_search_call': {
      const found = listOf(item.results).map((result) =>
        [wordOf(result.filename), wordOf(result.text)].filter((one) => one !== '').join('\n'),
      );
      return {
        call: call('file_search', { queries: item.queries }),
        output: text(found.length > 0 ? found.join('\n\n') : statusOf(item)),
      };
    }
    case 'code_interpreter_call': {
      const outputs = listOf(item.outputs).map(({ type, logs }, i) => {
        if (type !== 'logs') throw imageError(`${place}.outputs[${i}].type`, type);
        return wordOf(logs);
      });
      return {
        call: call('code_interpreter', { code: item.code ?? '' }),
        output: text(outputs.length > 0 ? outputs.join('\n') : statusOf(item)),
      };
    }
    case 'image_generation_call':
      if (item.result != null) throw imageError(`${place}.type`, item.type);
      return { call: call('image_generation', {}), output: text(statusOf(item)) };
    case 'mcp_call':
      return {
        call: call(wordOf(item.name), item.arguments),
        output: text(item.error == null ? wordOf(item.output ?? statusOf(item)) : `Error: ${wordOf(item.error)}`),
      };
    case 'computer_call':
      return { call: call('computer', item.action ?? { actions: item.actions }) };
    case 'computer_call_output':
      throw imageError(`${place}.type`, item.type);
    case 'local_shell_call':
      return { call: call('local_shell', withoutType(item.action)) };
    case 'shell_call':
      return { call: call('shell', item.action) };
    case 'apply_patch_call':
      return { call: call('apply_patch', item.operation) };
    case 'tool_search_call':
      return { call: call('tool_search', item.arguments) };
    case 'local_shell_call_output':
    case 'apply_patch_call_output':
      return { output: text(wordOf(item.output ?? statusOf(item))) };
    case 'shell_call_output':
      return {
        output: text(typeof item.output === 'string' ? item.output : listOf(item.output).map(shellText).join('\n')),
      };
    case 'tool_search_output':
      return { output: text(JSON.stringify(item.tools ?? [])) };
    // Tools that are not called from here, and what people said to that: the call that came of it is an item of its own.
    case 'mcp_list_tools':
    case 'mcp_approval_request':
    case 'mcp_approval_response':
      return {};
  }
}

/** What one command wrote, and how it ended where that was not well. */
function shellText({ stdout, stderr, outcome }: Fields): string {
  const { type, exit_code: code } = fieldsOf(outcome);
  const end = type === 'exit' ? (code === 0 ? '' : `exit code ${wordOf(code)}`) : wordOf(type);
  return [wordOf(stdout), wordOf(stderr), end].filter((one) => one !== '').join('\n');
}

const statusOf = ({ status }: Fields): string => (status == null ? 'completed' : wordOf(status));

function withoutType(value: unknown): Fields {
  const { type: _, ...rest } = fieldsOf(value);
  return rest;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {});
const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.filter(isFields) : []);
const wordOf = (value: unknown): string =>
  value == null ? '' : typeof value === 'string' ? value : JSON.stringify(value);

function imageError(param: string, type: unknown): Error {
  return parameterError(
    'invalid_request',
    param,
    `${JSON.stringify(type)} holds an image: this model takes text alone`,
  );
}
