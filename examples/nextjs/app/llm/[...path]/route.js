// Starling's routes in a Next.js app, below /llm: a route handler of the app router.
import { llm } from '../../../lib/starling.js';

// Threads of Node compute: the edge runtime has none. No answer is one of a build.
export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

const handle = async (request) => (await llm()).fetch(request);
export { handle as GET, handle as POST, handle as DELETE };
