// Starling's routes inside of an Express app, below /llm. Who calls is said by the app: each of its users is a tenant.
import { getRequestListener } from '@hono/node-server';
import { Starling } from '@starling/engine';
import { createStarlingApp, demoModelFile } from '@starling/server';
import express from 'express';

/** The app's own users, by their keys. A real app looks into its sessions or its database. */
const users = new Map([
  ['key-of-ann', { name: 'ann', weight: 2 }],
  ['key-of-bob', { name: 'bob' }],
]);

const model = await Starling.load(process.env.MODEL ?? demoModelFile());
const llm = createStarlingApp({ models: [model], authenticate: (c) => c.env.incoming.user });

const app = express();
app.use((request, _response, next) => {
  request.user = users.get(request.get('authorization')?.replace('Bearer ', ''));
  next();
});
// Before express.json(): it reads bodies itself. Express takes /llm off the path.
app.use('/llm', getRequestListener(llm.fetch));
app.use(express.json());
app.get('/', (request, response) =>
  response.type('text').send(`Hello ${request.user?.name ?? 'stranger'}, a model answers at /llm/v1.`),
);

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () =>
  console.log(`http://127.0.0.1:${server.address().port}`),
);
process.once('SIGTERM', () => server.close(() => void model.close()));
