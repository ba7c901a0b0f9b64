import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { CliError } from '../cli-error.js';

/** Loaders that people name by `--import` or `--require`. */
const LOADERS = /\b(tsx|ts-node|swc|esbuild|jiti)\b/;

/**
 * The options that Node.js needs for a program of this name: those of a loader for TypeScript where it can't run that by itself and none is
 * named. tsx is looked for from the program's folder.
 * @param options - that Node.js was started with
 * @throws CliError that says what to install
 */
export function loaderFor(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
  options: readonly string[] = process.execArgv,
  runsTypeScript: boolean = (process.features as { typescript?: unknown }).typescript === 'strip',
): readonly string[] {
  if (!/\.[cm]?ts$/.test(file) || runsTypeScript) return [];
  if (LOADERS.test(`${options.join(' ')} ${environment['NODE_OPTIONS'] ?? ''}`)) return [];
  try {
    return [`--import=${pathToFileURL(createRequire(file).resolve('tsx')).href}`];
  } catch {
    throw new CliError(
      `${file} is TypeScript, which this Node.js does not run by itself: npm install --save-dev tsx, or build it and serve the JavaScript`,
    );
  }
}
