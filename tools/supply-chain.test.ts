import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
}

interface Answer {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

const AUDIT: string = new URL('../scripts/lib/audit.mjs', import.meta.url).href;
const { audit } = (await import(AUDIT)) as {
  audit(run: () => Promise<Answer>): Promise<{ status: string; text: string }>;
};
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LOCKED: Record<string, Locked> = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
/** What users install: everything of others that is not here for development alone. */
const INSTALLED = Object.entries(LOCKED)
  .filter(([path, { dev, link }]) => path.includes('node_modules/') && dev !== true && link !== true)
  .map(([path, locked]) => ({
    name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
    ...locked,
  }));
/** Licences that ask for no more than to be named. A new one is for people to read before it gets in here. */
const LICENCES: readonly string[] = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', '0BSD'];

describe('what users install of others', () => {
  it('has licences that everybody can live with', () => {
    assert.ok(INSTALLED.length > 20);
    const strange = INSTALLED.filter(({ license }) => !LICENCES.includes(license ?? 'none'));
    assert.deepEqual(strange, []);
  });

  it('is in the bill of materials, whole, with our own packages and nothing else', function () {
    this.timeout(120_000);
    const folder = mkdtempSync(join(tmpdir(), 'rpc-sbom-'));
    try {
      const file = join(folder, 'sbom.json');
      execFileSync(process.execPath, [join(ROOT, 'scripts/sbom.mjs'), file], { stdio: 'pipe' });
      const sbom = JSON.parse(readFileSync(file, 'utf8'));
      assert.equal(sbom.bomFormat, 'CycloneDX');
      assert.equal(sbom.metadata.component.version, JSON.parse(readFileSync(join(ROOT, 'lerna.json'), 'utf8')).version);
      const listed: string[] = sbom.components.map(
        ({ name, version }: Locked & { name: string }) => `${name}@${version}`,
      );
      const ours = listed.filter((each) => each.startsWith('@org/'));
      assert.ok(ours.some((each) => each.startsWith('@org/rpc@')) && ours.length > 8, ours.join());
      const expected = new Set(INSTALLED.map(({ name, version }) => `${name}@${version}`));
      assert.deepEqual(listed.filter((each) => !each.startsWith('@org/')).sort(), [...expected].sort());
      for (const { hashes, licenses, name } of sbom.components) {
        assert.ok(licenses?.length > 0, `no licence of ${name}`);
        assert.ok(name.startsWith('@org/') || hashes?.length > 0, `no hash of ${name}`);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the look for advisories', () => {
  const answering = (output: string, errors = '', code = 0): ReturnType<typeof audit> =>
    audit(async () => ({ code, output, errors }));

  it('finds what the registry knows', async () => {
    const via = ['b', { title: 'Prototype pollution', url: 'https://example.org/1' }];
    const report = { vulnerabilities: { a: { name: 'a', severity: 'high', via } } };
    assert.deepEqual(await answering(JSON.stringify(report), '', 1), {
      status: 'found',
      text: 'a (high): by way of b, Prototype pollution https://example.org/1',
    });
  });

  it('is clean where there is nothing', async () => {
    assert.deepEqual(await answering(JSON.stringify({ vulnerabilities: {} })), { status: 'clean', text: '' });
  });

  for (const [what, output, errors, text] of [
    [
      'does not answer such questions',
      JSON.stringify({ message: '405 Method Not Allowed', statusCode: 405 }),
      '',
      /405/,
    ],
    [
      'cannot be reached',
      JSON.stringify({ error: { summary: 'request to https://x failed: ENOTFOUND' } }),
      '',
      /ENOTFOUND/,
    ],
    ['answers nothing that is JSON', '<html>', 'npm error audit endpoint returned an error\n', /audit endpoint/],
    ['says nothing', '', '', /ended with code 1/],
  ] as const) {
    it(`is told from clean where the registry ${what}`, async () => {
      const found = await answering(output, errors, 1);
      assert.equal(found.status, 'unknown');
      assert.match(found.text, text);
    });
  }
});
