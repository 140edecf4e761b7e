import path from 'node:path';
import { Starling, type GenerateRequest, type LanguageModel } from '@starling/engine';
import { scriptedModel, type Script } from '@starling/engine/testing';
import { tool } from 'ai';
import { z } from 'zod';
import { createStarling, type StarlingOptions } from './index.js';

const DEMO = path.resolve(import.meta.dirname, '../../../apps/server/models/starling-demo-q8_0.gguf');

/** The demo model, on the thread of the test. */
export const loadDemo = (): Promise<LanguageModel> =>
  Starling.load(DEMO, { name: 'demo', inline: true, deterministic: true, digestWeights: false });

const scripted: LanguageModel[] = [];

/** A provider of a model that says what it is told to, and what it was asked. */
export function saying(script: Script, defaults?: StarlingOptions) {
  const asked: GenerateRequest[] = [];
  const model = scriptedModel({ script, onRequest: (request) => void asked.push(request) });
  scripted.push(model);
  return { model: createStarling({ models: model, defaults })(), asked, engine: model };
}

/** Closes all models of `saying`. */
export const closeScripted = (): Promise<unknown> =>
  Promise.all(scripted.splice(0).map((model) => model.close({ drain: false })));

/** A tool whose results are known: a city has as many degrees as letters. */
export const weather = {
  weather: tool({
    description: 'The weather of a city',
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => ({ city, degrees: city.length }),
  }),
};
