export { FakeModelRuntime, type FakeLogits, type FakeModelOptions } from '../runtime/fake-model-runtime.js';
