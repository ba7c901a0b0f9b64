import { CliError } from '../cli-error.js';
import { parseTypedJson } from '../format/typed-json.js';

/** A method as it is named on the command line, and the arguments behind it. */
export interface MethodCall {
  readonly service: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

/**
 * Reads `calculator.sum 1 2`. The method is what follows the last dot, as a service's name may carry its version
 * (`calculator.v2.sum`). Arguments are typed JSON where they parse as JSON, else they are strings.
 *
 * @throws CliError when there is no name, or no dot in it, or an argument would not arrive as it was written
 */
export function parseMethodCall(positionals: readonly string[]): MethodCall {
  const [name, ...rest] = positionals;
  if (name === undefined) throw new CliError('which method? Name it as service.method, like calculator.sum 1 2');
  const dot = name.lastIndexOf('.');
  if (dot <= 0 || dot === name.length - 1) {
    throw new CliError(`'${name}' is not a method; name it as service.method, like calculator.sum`);
  }
  return {
    service: name.slice(0, dot),
    method: name.slice(dot + 1),
    args: rest.map((word, index) => parseWord(word, `argument ${index + 1}`)),
  };
}

/**
 * A word or a line as a value: typed JSON where it parses as JSON, else a string.
 * @param where - what the word is, for errors
 * @throws CliError when it would not arrive as it was written
 */
export function parseWord(text: string, where: string): unknown {
  try {
    return parseTypedJson(text, where);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // Not JSON, so a plain word: quoting every string twice in a shell would be a nuisance.
    return text;
  }
}
