export { Template, type RenderedRun, type Rendering, type TemplateSetup } from './template.js';
export { settle, type Steps } from './interpreter/steps.js';
export { LIMITS, type Limits } from './limits.js';
export { PyFloat } from './values/convert.js';
export type { WallTime } from './library/strftime.js';
export { strftime } from './library/strftime.js';
export { jsonDumps, parseJson } from './values/parse-json.js';
