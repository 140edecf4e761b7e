// Starling's routes inside of a Hono app, below /llm. Who calls is said by the app: each of its users is a tenant.
import { serve } from '@hono/node-server';
import { Starling } from '@starling/engine';
import { createStarlingApp, demoModelFile } from '@starling/server';
import { Hono } from 'hono';

/** The app's own users, by their keys. A real app looks into its sessions or its database. */
const users = new Map([
  ['key-of-ann', { name: 'ann', weight: 2 }],
  ['key-of-bob', { name: 'bob', limits: { requestsPerMinute: 60 } }],
]);

const model = await Starling.load(process.env.MODEL ?? demoModelFile());
const app = new Hono();
app.use(async (c, next) => {
  c.set('user', users.get(c.req.header('authorization')?.replace('Bearer ', '')));
  await next();
});
app.get('/', (c) => c.text(`Hello ${c.get('user')?.name ?? 'stranger'}, a model answers at /llm/v1.`));
app.route('/llm', createStarlingApp({ models: [model], authenticate: (c) => c.get('user') }));

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) =>
  console.log(`http://127.0.0.1:${port}`),
);
process.once('SIGTERM', () => server.close(() => void model.close()));
