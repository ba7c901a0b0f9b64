import { npm } from './npm.mjs';

/**
 * Asks the registry for advisories about what users install.
 *
 * @param {(args: readonly string[]) => Promise<{ code: number, output: string, errors: string }>} [run] - runs npm
 * @returns {Promise<{ status: 'clean' | 'found' | 'unknown', text: string }>} `unknown`: the registry did not answer, and `text` says how
 */
export async function audit(run = npm) {
  const { code, output, errors } = await run([
    'audit',
    '--omit=dev',
    '--json',
    '--fetch-retries=1',
    '--fetch-timeout=20000',
  ]);
  const report = parse(output);
  const vulnerabilities = report?.vulnerabilities;
  if (vulnerabilities === undefined) {
    const why = report?.message ?? report?.error?.summary ?? errors.trim().split('\n')[0] ?? '';
    return { status: 'unknown', text: why || `npm audit ended with code ${code} and said nothing` };
  }
  const found = Object.values(vulnerabilities).map(
    ({ name, severity, via }) => `${name} (${severity}): ${titles(via)}`,
  );
  return found.length === 0 ? { status: 'clean', text: '' } : { status: 'found', text: found.join('\n') };
}

function titles(via) {
  return via.map((each) => (typeof each === 'string' ? `by way of ${each}` : `${each.title} ${each.url}`)).join(', ');
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
