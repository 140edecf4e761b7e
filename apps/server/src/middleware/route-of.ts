import { matchedRoutes } from 'hono/route';
import type { AppContext } from '../context.js';

/** Paths that are asked again and again while a server starts. */
const PROBES = new Set(['/health', '/v1/health', '/ready']);

export const isProbe = (path: string): boolean => PROBES.has(path);

/** The route's own path as a label: never what the client typed, so that labels stay few. */
export function routeOf(c: AppContext): string {
  // Of all that matched, what is no middleware; what answers OPTIONS stands for all paths.
  const path = matchedRoutes(c).findLast(({ method }) => method !== 'ALL')?.path;
  return path === undefined || path === '*' || path === '/*' ? 'none' : path;
}
