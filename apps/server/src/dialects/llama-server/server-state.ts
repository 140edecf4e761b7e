import { StarlingError } from '@starling/core';
import type { ServedModel } from '../../parts.js';
import { fields } from '../../schemas/fields.js';
import { endpoint, json, type Endpoint } from '../dialect.js';
import { pickModel } from '../pick-model.js';
import { doneAnswer, propsAnswer, slotsAnswer } from './answer-schema.js';
import { fileName } from './file-name.js';
import { generationSettings } from './generation-settings.js';

/** `GET /props`: what llama-server's clients ask about the server. */
export const props: Endpoint = {
  method: 'GET',
  paths: ['/props'],
  access: 'user',
  isQuiet: true,
  summary: 'What is served, and how',
  answer: propsAnswer,
  parameters: { model: 'the model that is asked; the first where it is left out' },
  handle({ models, query, principal, server }) {
    const model = pickModel(models, query('model'));
    const { info, tokenizer } = model;
    const { special } = tokenizer;
    const [end] = special.endOfGeneration;
    const textOf = (id: number | undefined) => (id === undefined ? '' : tokenizer.tokenText(id));
    return json({
      // The context that is served, not the one that the model was trained with.
      default_generation_settings: { params: generationSettings(model), n_ctx: info.sequenceLimit },
      total_slots: info.maxSequences,
      model_alias: info.name,
      model_ftype: info.quantization,
      model_path: principal.role === 'admin' ? info.source : fileName(info.source),
      modalities: { vision: false, video: false, audio: false },
      endpoint_slots: server.features.slots,
      endpoint_props: server.features.props,
      endpoint_metrics: server.features.metrics,
      chat_template: model.chatTemplate ?? '',
      chat_template_caps: { supports_tools: model.answerParser.readsCalls },
      bos_token: textOf(special.bos),
      eos_token: textOf(special.eos ?? end),
      build_info: `starling ${server.version}`,
      is_sleeping: server.presence.isSleeping(),
    });
  },
};

/** `POST /props`, as llama-server has it: there is nothing in it that can be changed, yet. */
export const setProps = endpoint({
  method: 'POST',
  paths: ['/props'],
  access: 'admin',
  isQuiet: true,
  summary: 'Change what is served, of which there is nothing that can be changed',
  answer: doneAnswer,
  body: fields({}),
  example: {},
  handle({ server }) {
    if (!server.features.props)
      throw new StarlingError('not_supported', 'this server takes no properties: start it with --props');
    return json({ success: true });
  },
});

/** `GET /slots`: what runs; for those who do not run the server, of their own. */
export const slots: Endpoint = {
  method: 'GET',
  paths: ['/slots'],
  access: 'user',
  isQuiet: true,
  summary: 'The sequences that can run at once',
  answer: slotsAnswer,
  parameters: { model: 'the model that is asked; the first where it is left out' },
  handle({ models, query, principal, server }) {
    if (!server.features.slots)
      throw new StarlingError(
        'not_supported',
        'this server does not tell what its slots do: it was started with --no-slots',
      );
    const model = pickModel(models, query('model'));
    const { running, tenants } = model.statistics();
    // What others have running is not for everybody.
    const shown =
      principal.role === 'admin' || principal.readsMetrics === true
        ? running
        : (tenants.find(({ tenant }) => tenant === principal.tenant)?.running ?? 0);
    return json(slotsOf(model, shown));
  },
};

/** One entry a sequence that can run at once; as many are busy as hold one. */
function slotsOf(model: ServedModel, running: number): object[] {
  const { maxSequences, sequenceLimit, draftTokens } = model.info;
  return Array.from({ length: maxSequences }, (_, id) => ({
    id,
    n_ctx: sequenceLimit,
    speculative: draftTokens > 0,
    is_processing: id < running,
  }));
}
