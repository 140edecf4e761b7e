export type { Script, ScriptedAnswer, ScriptedToolCall } from '@starling/engine/testing';
export { startTestServer, type TestServer, type TestServerOptions } from './start-test-server.js';
