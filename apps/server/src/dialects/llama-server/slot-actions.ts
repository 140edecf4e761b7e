import * as v from 'valibot';
import { parameterError } from '@starling/core';
import { savedOf } from '../../saved/saved-slots.js';
import { fields, text } from '../../schemas/fields.js';
import { endpoint, json } from '../dialect.js';
import { pickModel } from '../pick-model.js';
import { slotAnswer } from './answer-schema.js';
import { checkSlot } from './slot-number.js';

/** `POST /slots/ID?action=save|restore|erase`: what the request that ended in a slot last has computed, to a file and back. */
export const slotActions = endpoint({
  method: 'POST',
  paths: ['/slots/:id'],
  access: 'user',
  summary: 'Save what a slot holds to a file, restore it, or erase it',
  answer: slotAnswer,
  parameters: { action: 'save, restore or erase', model: 'the model that is asked; the first where it is left out' },
  body: fields({ filename: v.nullish(text(200)) }),
  bodyIsOptional: true,
  example: { filename: 'slot.starkv' },
  async handle({ body, models, principal: { tenant }, query, param, server }) {
    const model = pickModel(models, query('model'));
    const saved = savedOf(server);
    const { name } = model.info;
    const slot = /^\d{1,9}$/.test(param('id')) ? Number(param('id')) : Infinity;
    checkSlot(slot, model, param('id'));
    const sessions = model.sessionsOf(tenant);
    const filename = body.filename ?? '';
    const began = performance.now();
    const ms = (): number => performance.now() - began;
    switch (query('action')) {
      case 'save': {
        const session = await sessions.save(saved.sessionIn(tenant, name, slot));
        const bytes = await saved.files.save(tenant, filename, session);
        return json({
          id_slot: slot,
          filename,
          n_saved: session.tokens.length,
          n_written: bytes,
          timings: { save_ms: ms() },
        });
      }
      case 'restore': {
        const { session, bytes } = await saved.files.read(tenant, filename);
        const { id, knownTokens } = await sessions.open(session, {
          as: `${filename}.${crypto.randomUUID()}`,
          isProvisional: true,
        });
        saved.note(tenant, name, slot, id);
        return json({ id_slot: slot, filename, n_restored: knownTokens, n_read: bytes, timings: { restore_ms: ms() } });
      }
      case 'erase': {
        const id = saved.find(tenant, name, slot);
        const erased = sessions.list().find((one) => one.id === id);
        saved.empty(tenant, name, slot);
        if (erased) sessions.close(erased.id);
        return json({ id_slot: slot, n_erased: erased?.tokens ?? 0 });
      }
      default:
        throw parameterError(
          'invalid_request',
          'action',
          `must be save, restore or erase, not ${JSON.stringify(query('action') ?? null)}`,
        );
    }
  },
});
