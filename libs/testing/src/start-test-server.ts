import type { GenerateRequest, LanguageModel } from '@starling/engine';
import { Starling } from '@starling/engine';
import { scriptedModel, type Script } from '@starling/engine/testing';
import { createStarlingApp, demoModelFile, serveApp } from '@starling/server';

export interface TestServerOptions {
  /** What is answered, in the order in which requests come, or by a function. Default: the demo model answers, whose seed is 0 where a request names none. */
  readonly script?: Script;
  /** What the model is called. Default `scripted`, or `starling-demo`. */
  readonly model?: string;
  /** Default 0: any that is free. */
  readonly port?: number;
}

/** A server that runs in this process until it is stopped. */
export interface TestServer {
  /** Where it listens, on the loopback address, without a slash at the end. */
  readonly url: string;
  /** `url` with `/v1`: the base URL of OpenAI's clients. */
  readonly baseUrl: string;
  /** What the model is called. */
  readonly model: string;
  /** Requests to generate, as the engine got them, those that it refused included; the oldest first. */
  readonly requests: readonly GenerateRequest[];
  /** Cuts what is under way, and gives port and memory back. Once. */
  stop(): Promise<void>;
}

/**
 * Starts a server that speaks the APIs of OpenAI, Anthropic, Ollama and llama-server, for tests of programs that ask one: in this process, without
 * a download and with the same answers each time.
 * @throws StarlingError conflict if the port is taken
 */
export async function startTestServer({ script, model: name, port }: TestServerOptions = {}): Promise<TestServer> {
  const requests: GenerateRequest[] = [];
  const onRequest = (request: GenerateRequest): void => void requests.push(request);
  const model = script === undefined ? await demoModel(name, onRequest) : scriptedModel({ name, script, onRequest });
  try {
    const served = await serveApp(createStarlingApp({ models: [model] }), { port });
    const stop = async (): Promise<void> => {
      await served.close();
      await model.close({ drain: false });
    };
    let stopped: Promise<void> | undefined;
    return {
      url: served.url,
      baseUrl: `${served.url}/v1`,
      model: model.info.name,
      requests,
      stop: () => (stopped ??= stop()),
    };
  } catch (error) {
    await model.close();
    throw error;
  }
}

/** The demo model, without threads, whose start would take longer than its answers. */
function demoModel(name: string | undefined, onRequest: (request: GenerateRequest) => void): Promise<LanguageModel> {
  return Starling.load(demoModelFile(), {
    name: name ?? 'starling-demo',
    inline: true,
    deterministic: true,
    digestWeights: false,
    rewriteRequest(request) {
      onRequest(request);
      return { ...request, seed: request.seed ?? 0 };
    },
  });
}
