import assert from 'node:assert/strict';

const SETUP: string = new URL('../scripts/lib/setup.mjs', import.meta.url).href;
const { checkNode, nodeWarning } = (await import(SETUP)) as {
  checkNode(version: string): void;
  nodeWarning(version: string): string | undefined;
};

describe('the setup of a clone', () => {
  it('runs on Node.js 20.19, and warns where a version is not one that engines names', () => {
    assert.throws(() => checkNode('20.18.3'), /too old/);
    for (const version of ['20.19.0', '20.20.1', '22.22.1', '23.9.0', '24.14.0', '25.8.1']) {
      checkNode(version);
      assert.match(nodeWarning(version) ?? '', /hash collisions/, version);
    }
    for (const version of ['20.20.2', '22.22.2', '24.14.1', '25.8.2', '26.0.0'])
      assert.equal(nodeWarning(version), undefined, version);
  });
});
