import { mayUse } from '../../access/principal.js';
import type { ServedModel } from '../../parts.js';
import { endpoint, json, type Endpoint } from '../dialect.js';
import { withoutTag } from '../pick-model.js';
import { psAnswer, showAnswer, tagsAnswer, versionAnswer } from './answer-schema.js';
import { capabilitiesOf, detailsOf, modelBody, modelInfoOf } from './bodies.js';
import { isFrom, storedBody, storedModels } from './library.js';
import { showSchema } from './schema.js';
import { shownBody } from './show-body.js';
import { shownFromFile } from './show-file.js';

/** The version of the API that these routes speak: clients ask for it and turn away from older ones. */
const API_VERSION = '0.20.0';

/** `GET /api/version`; below `/v1` too, where one client looks that was given that address. */
export const version: Endpoint = {
  method: 'GET',
  paths: ['/api/version', '/v1/api/version'],
  access: 'user',
  isQuiet: true,
  summary: 'The version of the API that is spoken',
  answer: versionAnswer,
  handle: () => json({ version: API_VERSION }),
};

/** `GET /api/tags`: the models that are served, then those that lie in the cache folder. */
export const tags: Endpoint = {
  method: 'GET',
  paths: ['/api/tags'],
  access: 'user',
  isQuiet: true,
  summary: 'The models that are there',
  answer: tagsAnswer,
  async handle({ models, principal, server }) {
    // This API has no word for a model that could not be loaded; its file is in the list if it lies in the cache folder.
    const known = models.list().filter(({ state }) => state !== 'failed');
    const served = known.filter(({ state }) => state !== 'unloaded');
    const stored = await storedModels(server.library, served, principal);
    // Those of another folder that were not loaded yet.
    const others = known.filter((entry) => entry.state === 'unloaded' && !stored.some((one) => isFrom(entry, one)));
    const isAdmin = principal.role === 'admin';
    return json({
      models: [
        ...[...served, ...others].map((entry) => modelBody(entry, isAdmin)),
        ...stored.map((one) => storedBody(one, isAdmin)),
      ],
    });
  },
};

/** `GET /api/ps`: the models that are loaded. */
export const ps: Endpoint = {
  method: 'GET',
  paths: ['/api/ps'],
  access: 'user',
  isQuiet: true,
  summary: 'The models that are loaded',
  answer: psAnswer,
  handle: ({ models, principal }) =>
    json({
      models: models
        .list()
        .flatMap((entry) =>
          entry.model && entry.state !== 'sleeping'
            ? [{ ...modelBody(entry, principal.role === 'admin'), ...runningOf(entry.model, entry.expiresAt) }]
            : [],
        ),
    }),
};

/** `POST /api/show`: what is known of a model. */
export const show = endpoint({
  method: 'POST',
  paths: ['/api/show'],
  access: 'user',
  isQuiet: true,
  summary: 'What is known of a model',
  answer: showAnswer,
  body: showSchema,
  example: { model: 'starling-demo-q8_0' },
  async handle({ body, models, server, principal }) {
    const asked = body.model ?? body.name;
    const isAdmin = mayUse(principal, 'admin');
    const name = asked == null ? undefined : (models.resolve(asked) ?? models.resolve(withoutTag(asked)));
    const entry = models.list().find((one) => one.name === name);
    const stored =
      name === undefined && asked != null
        ? (await storedModels(server.library, [], principal)).find((one) => one.name === withoutTag(asked))
        : undefined;
    const file = entry?.state === 'unloaded' ? entry : stored && { name: stored.name, source: stored.path };
    if (file !== undefined)
      return json(
        shownBody(
          await shownFromFile(file),
          {},
          isAdmin ? file.source : file.name,
          stored ? new Date(stored.manifest.time) : undefined,
        ),
      );
    // Not the one that is served: whoever asks by another name would take its abilities for those of another model.
    const model = models.pick(asked == null ? undefined : withoutTag(asked));
    const { info, chatTemplate: template = '', samplerDefaults } = model;
    const facts = {
      details: detailsOf(model),
      model_info: modelInfoOf(model),
      capabilities: capabilitiesOf(model),
      template,
    };
    return json(
      shownBody(
        facts,
        samplerDefaults,
        isAdmin ? info.source : info.name,
        models.list().find((one) => one.model?.info.name === info.name)?.loadedAt,
      ),
    );
  },
});

/** What stays until its memory is wanted has a date that clients do not live to see. */
const NEVER = '9999-12-31T23:59:59.000Z';

function runningOf({ info }: ServedModel, expiresAt: Date | undefined): object {
  return { expires_at: expiresAt?.toISOString() ?? NEVER, size_vram: 0, context_length: info.contextLength };
}
