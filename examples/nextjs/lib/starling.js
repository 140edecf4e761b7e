import { Starling } from '@starling/engine';
import { createStarlingApp, demoModelFile } from '@starling/server';

/** The app's own users, by their keys. A real app looks into its sessions or its database. */
const users = new Map([
  ['key-of-ann', { name: 'ann', weight: 2 }],
  ['key-of-bob', { name: 'bob' }],
]);

/** The app is made when it is asked for the first time. */
async function makeApp() {
  const model = await Starling.load(process.env.MODEL ?? demoModelFile());
  // Next.js leaves /llm on the path.
  return createStarlingApp({
    models: [model],
    basePath: '/llm',
    authenticate: (c) => users.get(c.req.header('authorization')?.replace('Bearer ', '')),
  });
}

/** One for the process: `next dev` loads modules anew when files change, and must not load the model with them. */
export const llm = () => (globalThis.starling ??= makeApp());
