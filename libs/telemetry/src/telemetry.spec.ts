import { METRICS } from './metric-definitions.js';
import { createTelemetry } from './telemetry.js';

/** The value of one sample line of a page. */
const sample = (page: string, name: string): string | undefined =>
  page
    .split('\n')
    .find((line) => line.startsWith(`${name} `))
    ?.split(' ')[1];

describe('telemetry', () => {
  it('prints OpenMetrics text that ends with # EOF', async () => {
    const telemetry = createTelemetry();
    telemetry.count('requests_total', 1, { route: '/v1/generate', status: 200 });
    telemetry.count('requests_total', 2, { route: '/v1/generate', status: 200 });
    const page = await telemetry.render();
    expect(telemetry.contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(page).toContain('# TYPE starling_requests counter\n');
    expect(sample(page, 'starling_requests_total{route="/v1/generate",status="200"}')).toBe('3');
    expect(page.endsWith('# EOF\n')).toBe(true);
  });

  it('fills buckets, sum and count of histograms', async () => {
    const telemetry = createTelemetry();
    for (const size of [1, 2, 3]) telemetry.observe('batch_size', size);
    const page = await telemetry.render();
    expect(sample(page, 'starling_batch_size_bucket{le="2"}')).toBe('2');
    expect(sample(page, 'starling_batch_size_bucket{le="+Inf"}')).toBe('3');
    expect(sample(page, 'starling_batch_size_sum')).toBe('6');
    expect(sample(page, 'starling_batch_size_count')).toBe('3');
  });

  it('leads from a bucket to the trace of its last value, and writes labels and given names as they are', async () => {
    const telemetry = createTelemetry();
    telemetry.observe('batch_size', 2, { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) });
    const labels = { gen_ai_operation_name: 'chat', gen_ai_provider_name: 'starling', gen_ai_response_model: 'm' };
    telemetry.observe('gen_ai_token_seconds', 0.02, labels);
    const page = await telemetry.render();
    expect(page).toMatch(
      new RegExp(
        `^starling_batch_size_bucket\\{le="2"\\} 1 # \\{trace_id="${'a'.repeat(32)}",span_id="${'b'.repeat(16)}"\\} 2 `,
        'm',
      ),
    );
    expect(page).toContain(
      'gen_ai_server_time_per_output_token_seconds_bucket{le="0.025",gen_ai_operation_name="chat",gen_ai_provider_name="starling",gen_ai_response_model="m"} 1\n',
    );
  });

  it('counts what others define', async () => {
    const telemetry = createTelemetry({
      prefix: 'vllm:',
      definitions: { tokens_total: { kind: 'counter', help: 'Tokens', labels: ['model_name'] } },
    });
    telemetry.count('tokens_total', 3, { model_name: 'm' });
    expect(sample(await telemetry.render(), 'vllm:tokens_total{model_name="m"}')).toBe('3');
  });

  it('asks for gauges when a page is made, and forgets those that were cleared', async () => {
    const telemetry = createTelemetry();
    let depth = 4;
    const off = telemetry.onCollect(() => telemetry.set('queue_depth', depth, { model: 'a' }));
    expect(sample(await telemetry.render(), 'starling_queue_depth{model="a"}')).toBe('4');
    depth = 0;
    expect(sample(await telemetry.render(), 'starling_queue_depth{model="a"}')).toBe('0');
    off();
    telemetry.clear('queue_depth');
    expect(sample(await telemetry.render(), 'starling_queue_depth{model="a"}')).toBeUndefined();
  });

  it('keeps two servers of one process apart, each under its own prefix', async () => {
    const [one, two] = [
      createTelemetry({ prefix: 'one_' }),
      createTelemetry({ prefix: 'two_', constantLabels: { instance: 'b' } }),
    ];
    one.count('generated_tokens_total', 5);
    two.count('generated_tokens_total', 7);
    expect(sample(await one.render(), 'one_generated_tokens_total')).toBe('5');
    expect(sample(await two.render(), 'two_generated_tokens_total{instance="b"}')).toBe('7');
  });

  it('refuses what is no value, and counters that would go down', async () => {
    const telemetry = createTelemetry();
    expect(() => telemetry.count('generated_tokens_total', -1)).toThrow(/starling_generated_tokens: .* not go down/);
    for (const value of [NaN, Infinity])
      expect(() => telemetry.observe('batch_size', value)).toThrow(
        expect.objectContaining({ code: 'invalid_argument', message: expect.stringContaining('batch_size') }),
      );
    expect(sample(await telemetry.render(), 'starling_generated_tokens_total')).toBe('0');
  });

  it('has one series for the same values of labels, whichever objects name them', async () => {
    const telemetry = createTelemetry({
      definitions: { seen_total: { kind: 'counter', help: 'a\nb\\c', labels: ['a', 'b'] } },
    });
    telemetry.count('seen_total', 1, { a: 'x', b: 1 });
    telemetry.count('seen_total', 1, { b: '1', a: 'x' });
    expect((await telemetry.render()).split('\n')).toEqual([
      '# HELP starling_seen a\\nb\\\\c',
      '# TYPE starling_seen counter',
      'starling_seen_total{a="x",b="1"} 2',
      '# EOF',
      '',
    ]);
  });

  it('escapes label values', async () => {
    const telemetry = createTelemetry();
    telemetry.set('model_loaded_bytes', 1, { model: 'a"b\\c\nd' });
    expect(await telemetry.render()).toContain('starling_model_loaded_bytes{model="a\\"b\\\\c\\nd"} 1');
  });

  it('has the names and labels that dashboards rely on', () => {
    const described = Object.entries(METRICS).map(([name, { kind, labels }]) => `${kind} ${name}{${labels.join()}}`);
    expect(described.sort()).toEqual([
      'counter accepted_draft_tokens_total{model}',
      'counter cache_evicted_pages_total{model}',
      'counter cache_hit_tokens_total{model}',
      'counter cache_miss_tokens_total{model,reason}',
      'counter cached_prompt_tokens_total{}',
      'counter drafted_tokens_total{model}',
      'counter dropped_total{reason}',
      'counter evicted_sessions_total{}',
      'counter generated_tokens_total{}',
      'counter preemptions_total{kind}',
      'counter prompt_tokens_ahead_total{model}',
      'counter prompt_tokens_total{model}',
      'counter rejected_total{reason}',
      'counter requests_total{route,status}',
      'counter restored_bytes_total{}',
      'counter spill_dropped_total{reason}',
      'counter spill_failures_total{}',
      'counter spill_late_total{work}',
      'counter spilled_bytes_total{}',
      'counter worker_restarts_total{}',
      'gauge event_loop_delay_seconds{quantile}',
      'gauge kv_bytes{state}',
      'gauge kv_usage_ratio{model}',
      'gauge model_loaded_bytes{model}',
      'gauge queue_accepting{model}',
      'gauge queue_depth{model}',
      'gauge queue_tokens{model}',
      'gauge running_sequences{}',
      'gauge sessions{}',
      'gauge shared_prefix_tokens{model}',
      'histogram batch_size{}',
      'histogram draft_step_duration_seconds{}',
      'histogram estimate_error_ratio{}',
      'histogram gen_ai_first_token_seconds{gen_ai_operation_name,gen_ai_provider_name,gen_ai_response_model}',
      'histogram gen_ai_request_seconds{gen_ai_operation_name,gen_ai_provider_name,gen_ai_response_model,error_type}',
      'histogram gen_ai_token_seconds{gen_ai_operation_name,gen_ai_provider_name,gen_ai_response_model}',
      'histogram inter_token_seconds{}',
      'histogram prefill_tokens{}',
      'histogram queue_wait_seconds{}',
      'histogram request_duration_seconds{}',
      'histogram step_duration_seconds{}',
      'histogram time_to_first_token_seconds{}',
    ]);
  });

  it('has ascending buckets in every histogram', () => {
    for (const definition of Object.values(METRICS)) {
      if (definition.kind !== 'histogram') continue;
      expect([...definition.buckets].sort((a, b) => a - b)).toEqual(definition.buckets);
    }
  });
});
