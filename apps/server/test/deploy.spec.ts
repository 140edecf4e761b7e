import fs from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { createApp } from '../src/app.js';
import { SETTINGS } from '../src/config/settings.js';
import { resolveConfig } from '../src/config/resolve-config.js';
import { fakeParts } from '../src/fake-parts.test-support.js';
import { METRICS } from '@starling/telemetry';

const deploy = path.resolve(import.meta.dirname, '../deploy');
const read = (file: string) => fs.readFileSync(path.join(deploy, file), 'utf8');

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext: object;
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly volumeMounts: readonly { readonly mountPath: string }[];
}
interface Manifest {
  readonly kind: string;
  readonly spec: {
    readonly template?: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: { readonly terminationGracePeriodSeconds: number; readonly containers: readonly [Container] };
    };
    readonly metrics?: readonly { readonly pods: { readonly metric: { readonly name: string } } }[];
  };
}

const manifests = parseAllDocuments(read('kubernetes.yaml')).map((document) => {
  expect(document.errors).toEqual([]);
  return document.toJS() as Manifest;
});
const pod = manifests.find(({ kind }) => kind === 'StatefulSet')!.spec.template!.spec;
const [container] = pod.containers;

describe('the manifests for Kubernetes', () => {
  it('start the server with flags that it takes', () => {
    const [command, ...flags] = container.args;
    expect(command).toBe('serve');
    const byFlag = new Map(Object.entries(SETTINGS).map(([name, { flag }]) => [flag, name]));
    const given = Object.fromEntries(
      flags.map((text) => {
        const [, flag, value] = /^--([\w-]+)=(.+)$/.exec(text)!;
        expect([...byFlag.keys()]).toContain(flag);
        return [byFlag.get(flag)!, value];
      }),
    );
    const config = resolveConfig({ flags: { ...given, host: '0.0.0.0' }, environment: {} });
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(config.drainSeconds);
    for (const folder of [config.kvDir, path.dirname(config.apiKeysFile!), '/tmp', '/cache'])
      expect(container.volumeMounts.map(({ mountPath }) => mountPath)).toContain(folder);
  });

  it('ask probes that answer, and give the container no more rights than it needs', async () => {
    const app = createApp(fakeParts().parts);
    for (const { httpGet } of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
      expect((await app.request(httpGet.path)).status).toBe(200);
      expect(container.ports.find(({ name }) => name === httpGet.port)?.containerPort).toBe(8080);
    }
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('scale by a figure that there is', () => {
    const scaler = manifests.find(({ kind }) => kind === 'HorizontalPodAutoscaler')!;
    for (const { pods } of scaler.spec.metrics!)
      expect(Object.keys(METRICS)).toContain(pods.metric.name.replace('starling_', ''));
  });
});

describe('the Dockerfile', () => {
  it('sets what the server reads, and copies what is there', () => {
    const file = read('Dockerfile');
    const names = [...file.matchAll(/\b(STARLING_\w+)=/g)]
      .map(([, name]) => name)
      .filter((name) => name !== 'STARLING_API_KEY');
    const known = Object.values(SETTINGS).map(({ flag }) => `STARLING_${flag.replaceAll('-', '_').toUpperCase()}`);
    for (const name of names) expect(known).toContain(name);
    expect(file).toContain('/starling/main.js');
    const built = /import\('\.\/(tools\/[\w-]+\.mjs)'\)/.exec(file)![1];
    expect(fs.existsSync(path.resolve(deploy, '../../..', built))).toBe(true);
  });
});

describe('the configurations of gateways', () => {
  const documents = (file: string) =>
    parseAllDocuments(read(file)).map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS() as { readonly kind: string; readonly spec?: object };
    });
  const labels = manifests.find(({ kind }) => kind === 'StatefulSet')!.spec.template!.metadata.labels;

  it('name figures that there are, of pods that say what they are', () => {
    const [picker] = documents('gateway/endpoint-picker.yaml') as unknown as readonly {
      readonly plugins: readonly {
        readonly name?: string;
        readonly type: string;
        readonly parameters?: { readonly engineConfigs: readonly Readonly<Record<string, string>>[] };
      }[];
      readonly schedulingProfiles: readonly { readonly plugins: readonly { readonly pluginRef: string }[] }[];
      readonly dataLayer: {
        readonly sources: readonly {
          readonly pluginRef: string;
          readonly extractors: readonly { readonly pluginRef: string }[];
        }[];
      };
    }[];
    const [{ name, ...specs }] = picker.plugins.find(({ type }) => type === 'core-metrics-extractor')!.parameters!
      .engineConfigs;
    expect(labels['llm-d.ai/engine-type']).toBe(name);
    expect(Object.keys(specs)).toEqual(['queuedRequestsSpec', 'runningRequestsSpec', 'kvUsageSpec']);
    for (const metric of Object.values(specs))
      expect(METRICS[metric.replace('starling_', '') as keyof typeof METRICS]).toMatchObject({ kind: 'gauge' });
    const plugins = picker.plugins.map((plugin) => plugin.name ?? plugin.type);
    const used = [
      ...picker.schedulingProfiles.flatMap((profile) => profile.plugins),
      ...picker.dataLayer.sources,
      ...picker.dataLayer.sources.flatMap(({ extractors }) => extractors),
    ].map(({ pluginRef }) => pluginRef);
    expect(new Set(used)).toEqual(new Set(plugins));
  });

  it('choose the pods that there are, at their port', () => {
    const [pool, route] = documents('gateway/inference-pool.yaml');
    expect(labels).toMatchObject(
      (pool.spec as { readonly selector: { readonly matchLabels: object } }).selector.matchLabels,
    );
    expect(pool.spec).toMatchObject({ targetPorts: [{ number: container.ports[0].containerPort }] });
    expect(route.spec).toMatchObject({ rules: [{ backendRefs: [{ kind: pool.kind, name: 'starling' }] }] });
  });
});
