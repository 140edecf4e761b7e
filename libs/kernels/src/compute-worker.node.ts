import { parentPort } from 'node:worker_threads';
import { enableRelaxedSimd } from './simd/relaxed-simd.node.js';
import { serveTeam } from './team/worker-loop.js';
import type { StartMessage } from './team/worker-protocol.js';

enableRelaxedSimd();
const port = parentPort!;
port.once('message', (start: StartMessage) => serveTeam(start, (report) => port.postMessage(report)));
