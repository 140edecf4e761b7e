import { isStarlingError } from '@starling/core';
import type { Template } from '@starling/jinja';

/** What a template can be given. */
export interface TemplateAbilities {
  /** `tools` may be None where there are none; else it has to be left undefined. */
  readonly takesNoTools: boolean;
  /** Arguments of calls have to be JSON text: as objects they fail. */
  readonly takesArgumentsAsText: boolean;
  /** Content has to be a list of parts: as one string it is not shown. */
  readonly takesContentAsParts: boolean;
}

const user = { role: 'user', content: 'probe' };

/** Finds out by trying, as nothing in a template says it. */
export function probeTemplate(template: Template, tokens: Readonly<Record<string, string>>): TemplateAbilities {
  const textOf = (variables: Readonly<Record<string, unknown>>): string =>
    template.render({ ...tokens, messages: [user], add_generation_prompt: true, ...variables }).text;
  const works = (variables: Readonly<Record<string, unknown>>): boolean => {
    try {
      textOf(variables);
      return true;
    } catch (error) {
      if (!isStarlingError(error, 'invalid_template')) throw error;
      // What a template refuses in its own words it understood.
      return error.details.reason === 'raised';
    }
  };
  const showsNone = (): boolean => {
    try {
      return /\b(null|None)\b/.test(textOf({ tools: null }));
    } catch {
      return false;
    }
  };
  const showsContent = (content: unknown): boolean => {
    try {
      return textOf({ messages: [{ role: 'user', content }] }).includes('zqcontentqz');
    } catch {
      return false;
    }
  };
  const call = (values: unknown): object => ({
    tools: [
      {
        type: 'function',
        function: {
          name: 'probe',
          description: 'probe',
          parameters: { type: 'object', properties: { a: { type: 'string' } } },
        },
      },
    ],
    messages: [
      user,
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ id: 'probe0001', type: 'function', function: { name: 'probe', arguments: values } }],
      },
    ],
    add_generation_prompt: false,
  });
  return {
    // A template that asks only whether tools are defined writes `null` for None.
    takesNoTools: !works({}) || (works({ tools: null }) && !showsNone()),
    takesArgumentsAsText: !works({ ...call({ a: 'b' }) }) && works({ ...call('{"a": "b"}') }),
    takesContentAsParts: !showsContent('zqcontentqz') && showsContent([{ type: 'text', text: 'zqcontentqz' }]),
  };
}
