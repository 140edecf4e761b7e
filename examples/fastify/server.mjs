// Starling's routes inside of a Fastify app, below /llm. Who calls is said by the app: each of its users is a tenant.
import { getRequestListener } from '@hono/node-server';
import { Starling } from '@starling/engine';
import { createStarlingApp, demoModelFile } from '@starling/server';
import Fastify from 'fastify';

/** The app's own users, by their keys. A real app looks into its sessions or its database. */
const users = new Map([
  ['key-of-ann', { name: 'ann', weight: 2 }],
  ['key-of-bob', { name: 'bob' }],
]);

const model = await Starling.load(process.env.MODEL ?? demoModelFile());
// Fastify leaves /llm on the path.
const llm = getRequestListener(
  createStarlingApp({ models: [model], basePath: '/llm', authenticate: (c) => c.env.incoming.user }).fetch,
);

const app = Fastify();
app.decorateRequest('user');
app.addHook('onRequest', async (request) => {
  request.user = users.get(request.headers.authorization?.replace('Bearer ', ''));
});
app.get('/', (request) => `Hello ${request.user?.name ?? 'stranger'}, a model answers at /llm/v1.`);
app.register(async (scope) => {
  // It reads bodies itself, and writes the answer.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
  scope.all('/llm/*', (request, reply) => {
    reply.hijack();
    request.raw.user = request.user;
    return llm(request.raw, reply.raw);
  });
});

console.log(await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }));
process.once('SIGTERM', () => void app.close().then(() => model.close()));
