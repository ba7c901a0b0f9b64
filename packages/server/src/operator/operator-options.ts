import { assertFits, assertKnownOptions } from '@org/rpc-core/internal';

/** Who may use `rpc.operator`. */
export interface OperatorOptions {
  /**
   * What callers send as the metadata `rpc-operator-token`, 16 or more printable characters. On a server without TLS it crosses the network
   * in plaintext, as everything else does.
   */
  readonly token: string;
}

/** {@link OperatorOptions} with every default in place. */
export interface ResolvedOperator {
  /** `undefined`: callers on this machine need none, and others may not. */
  readonly token: string | undefined;
  /** Whether the option was given: then a server that has nothing else registers under the name of `rpc.operator`. */
  readonly isWanted: boolean;
}

/** The metadata that has the token of an operator. */
export const OPERATOR_TOKEN_KEY = 'rpc-operator-token';

const TOKEN = /^[\x21-\x7e]{16,}$/;

/**
 * Checks the option and fills in the default: on where the registry is one of this machine.
 * @throws TypeError naming option, value and bound
 */
export function resolveOperator(
  where: string,
  option: OperatorOptions | boolean | undefined,
  isMachineLocal: boolean,
): ResolvedOperator | undefined {
  const given = option ?? isMachineLocal;
  const isWanted = option !== undefined;
  if (typeof given === 'boolean') return given ? { token: undefined, isWanted } : undefined;
  const isObject = typeof given === 'object' && given !== null;
  assertFits(where, 'operator', 'true, false or { token }', given, isObject);
  assertKnownOptions(`${where}: operator`, given, ['token']);
  // The value itself is a secret and must not be in a message.
  if (typeof given.token !== 'string' || !TOKEN.test(given.token))
    throw new TypeError(`${where}: operator.token must be text of 16 or more printable characters without spaces`);
  return { token: given.token, isWanted };
}
