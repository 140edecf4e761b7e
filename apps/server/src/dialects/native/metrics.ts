import { StarlingError } from '@starling/core';
import type { Endpoint } from '../dialect.js';

/**
 * `GET /metrics`, in OpenMetrics text; where the operator asked for them, with our figures under vLLM's names too. Where the operator asked for llama-server's metrics, they stand on the page too, and a client that does not
 * ask for OpenMetrics gets them alone, in Prometheus's text, as llama-server writes them.
 */
export const metrics: Endpoint = {
  method: 'GET',
  paths: ['/metrics'],
  access: 'metrics',
  isQuiet: true,
  summary: 'The figures of the server, as OpenMetrics text',
  answers: 'text',
  async handle({ server, models, header }) {
    if (!server.features.metrics)
      throw new StarlingError('not_supported', 'this server tells no metrics: it was started with --no-metrics');
    const { metrics: page, llamaServerMetrics, vllmMetrics } = server;
    const headers = llamaServerMetrics && { 'process-start-time-unix': String(llamaServerMetrics.startedAt) };
    if (llamaServerMetrics && !(header('accept') ?? '').includes('openmetrics')) {
      return {
        kind: 'text',
        body: await llamaServerMetrics.render(models, 'prometheus'),
        contentType: 'text/plain; version=0.0.4',
        headers,
      };
    }
    const pages = await Promise.all([
      page.render(),
      vllmMetrics?.render(models, 'openmetrics'),
      llamaServerMetrics?.render(models, 'openmetrics'),
    ]);
    return {
      kind: 'text',
      body: `${pages.map((text = '') => text.replace('# EOF\n', '')).join('')}# EOF\n`,
      contentType: page.contentType,
      headers,
    };
  },
};
