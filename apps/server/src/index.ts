export { demoModelFile } from './assets.js';
export type { AppCaller, FindCaller } from './library/host-caller.js';
export type { HostModels } from './library/host-models.js';
export { serveApp, type ServeAppOptions, type ServedApp } from './library/serve-app.js';
export { createStarlingApp, type StarlingAppOptions } from './library/starling-app.js';
export type { CallerLimits, Role } from './access/principal.js';
export type { Logger } from './log.js';
