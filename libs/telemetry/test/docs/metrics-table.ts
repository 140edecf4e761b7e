import path from 'node:path';
import { METRICS, type MetricDefinition } from '../../src/metric-definitions.js';

export const tableFile = path.resolve(import.meta.dirname, '../../../../docs/metrics.md');

const HEAD = `# Metrics

Written by \`npm run docs\` from \`libs/telemetry/src/metric-definitions.ts\`; not to be edited by hand.

\`GET /metrics\` gives all of them as OpenMetrics text. It needs a key of the role \`metrics\` or \`admin\` where keys are asked for. Names and labels are fixed; labels
have few values: models that are loaded, routes of the server, codes of errors. Nothing is counted by tenant here: \`GET /v1/status\` shows tenants to administrators.

- **Where a trace is kept** of a request, histograms carry its id as an exemplar.
- **\`--metrics\`** adds llama-server's names (\`llamacpp:\`), **\`--vllm-metrics\`** vLLM's (\`vllm:\`), which public dashboards and the Gateway API's inference extension read:
  \`vllm:num_requests_waiting\`, \`vllm:num_requests_running\`, \`vllm:kv_cache_usage_perc\`, \`vllm:cache_config_info\` and the figures of requests and caches.
- \`apps/server/deploy/grafana/starling.json\` is a dashboard of them, \`apps/server/deploy/prometheus/alerts.yaml\` has rules that say what to do.

`;

/** The document: a line for each metric. */
export function metricsTable(metrics: Readonly<Record<string, MetricDefinition>> = METRICS): string {
  const rows = Object.entries(metrics).map(([name, { kind, help, labels, buckets, fullName = `starling_${name}` }]) => {
    const range = buckets ? ` (buckets ${buckets[0]} to ${buckets.at(-1)})` : '';
    return `| \`${fullName}\` | ${kind}${range} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${help.replaceAll('|', '\\|')} |`;
  });
  return `${HEAD}| metric | kind | labels | what it says |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}
