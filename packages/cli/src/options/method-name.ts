import { CliError } from '../cli-error.js';

/** A method as it is named on the command line, and the arguments behind it. */
export interface MethodCall {
  readonly service: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

/**
 * Reads `calculator.sum 1 2`. The method is what follows the last dot, as a service's name may carry its version
 * (`calculator.v2.sum`). Arguments are JSON where they parse as JSON, else they are strings.
 *
 * @throws CliError when there is no name, or no dot in it
 */
export function parseMethodCall(positionals: readonly string[]): MethodCall {
  const [name, ...rest] = positionals;
  if (name === undefined) throw new CliError('which method? Name it as service.method, like calculator.sum 1 2');
  const dot = name.lastIndexOf('.');
  if (dot <= 0 || dot === name.length - 1) {
    throw new CliError(`'${name}' is not a method; name it as service.method, like calculator.sum`);
  }
  return { service: name.slice(0, dot), method: name.slice(dot + 1), args: rest.map(parseArgument) };
}

function parseArgument(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not JSON, so a plain word: quoting every string twice in a shell would be a nuisance.
    return text;
  }
}
