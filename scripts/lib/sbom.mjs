import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from './npm.mjs';
import { ROOT } from './root.mjs';

/**
 * The bill of materials of what is published (CycloneDX): our packages and everything that they need, as package-lock.json has it, with
 * versions, licences and hashes. It is that of `npm sbom`, less what is here for development alone: `--omit=dev` of npm 11 also
 * leaves out what users do install, where a tool of ours needs another version of it.
 *
 * @returns {Promise<object>}
 */
export async function makeSbom() {
  const { code, output } = await npm(['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--silent']);
  if (code !== 0) throw new Error(`npm sbom failed: ${output.trim()}`);
  const all = JSON.parse(output);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'lerna.json'), 'utf8'));
  const needed = reachable(
    all,
    all.components.map((each) => each['bom-ref']).filter((ref) => ref.startsWith('@org/rpc')),
  );
  const root = all.metadata.component;
  const edges = all.dependencies.filter(({ ref }) => needed.has(ref));
  return {
    ...all,
    metadata: { ...all.metadata, component: { ...root, name: 'org-rpc', version, purl: `pkg:npm/org-rpc@${version}` } },
    components: all.components.filter((each) => needed.has(each['bom-ref'])).map(named),
    dependencies: edges.map(({ ref, dependsOn = [] }) => ({
      ref,
      dependsOn: dependsOn.filter((each) => needed.has(each)),
    })),
  };
}

function reachable({ dependencies }, from) {
  const edges = new Map(dependencies.map(({ ref, dependsOn = [] }) => [ref, dependsOn]));
  const found = new Set(from);
  for (const ref of found) for (const each of edges.get(ref) ?? []) found.add(each);
  return found;
}

/** Packages of this repository are called by their folders there. */
function named(component) {
  const ref = component['bom-ref'];
  return { ...component, name: ref.slice(0, ref.lastIndexOf('@')) };
}
