import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';

const read = (path: string): Record<string, never> =>
  JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'));

/** What npm runs by itself in a package that is installed. */
const BY_ITSELF = ['preinstall', 'install', 'postinstall', 'prepare'];

describe('what users install', () => {
  it('runs no script by itself', () => {
    for (const name of readdirSync(new URL('../packages/', import.meta.url))) {
      const { scripts = {} } = read(`packages/${name}/package.json`) as { scripts?: object };
      const found = BY_ITSELF.filter((script) => Object.hasOwn(scripts, script));
      assert.deepEqual(found, [], `packages/${name}`);
    }
  });

  it('needs one package that does, by way of etcd3, which works without: all tests here run so', () => {
    interface Locked {
      readonly hasInstallScript?: boolean;
      readonly dev?: boolean;
      readonly optional?: boolean;
    }
    const { packages } = read('package-lock.json') as unknown as { packages: Record<string, Locked> };
    const found = Object.entries(packages)
      .filter(([, { hasInstallScript, dev, optional }]) => hasInstallScript && !dev && !optional)
      .map(([path]) => path);
    assert.deepEqual(found, ['node_modules/protobufjs']);
    assert.match(readFileSync(new URL('../.npmrc', import.meta.url), 'utf8'), /^ignore-scripts=true$/m);
  });
});
