import { StarlingError, messageOf } from '@starling/core';
import type { Tracing } from '@starling/telemetry/tracing';
import type { ServeConfig } from '../config/settings.js';
import { VERSION } from '../version.js';

/**
 * Where traces go, if anywhere: to `--otlp-endpoint`, else to what OpenTelemetry's own variable names. Its libraries are loaded then alone; they read
 * `OTEL_EXPORTER_OTLP_HEADERS` and their like by themselves.
 * @throws StarlingError invalid_argument
 */
export async function openTracing(
  { otlpEndpoint, traceRatio }: Pick<ServeConfig, 'otlpEndpoint' | 'traceRatio'>,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Tracing | undefined> {
  const isOff = environment.OTEL_SDK_DISABLED === 'true' || environment.OTEL_TRACES_EXPORTER === 'none';
  const endpoint = otlpEndpoint ?? (isOff ? undefined : tracesEndpoint(environment));
  if (endpoint === undefined) return undefined;
  const { openOtlpTracing } = await import('@starling/telemetry/tracing');
  try {
    return openOtlpTracing({
      endpoint,
      sampleRatio: traceRatio,
      serviceName: environment.OTEL_SERVICE_NAME || 'starling',
      serviceVersion: VERSION,
    });
  } catch (error) {
    throw new StarlingError('invalid_argument', `--otlp-endpoint: ${messageOf(error)}`, {
      details: { endpoint },
      cause: error,
    });
  }
}

/** As the standard has it: the variable for traces names a whole address, the one for all begins it. */
function tracesEndpoint({
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces,
  OTEL_EXPORTER_OTLP_ENDPOINT: all,
}: Readonly<Record<string, string | undefined>>): string | undefined {
  if (traces) return traces;
  return all ? `${all.replace(/\/+$/, '')}/v1/traces` : undefined;
}
