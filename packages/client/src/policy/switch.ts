import type { MethodRef, MethodSwitch, RpcError, RulesDocument } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';

/** How a document switches a method off; `undefined` when it is on. */
export function wantedSwitch(document: RulesDocument, method: string): MethodSwitch | undefined {
  const found = document.switch?.methods[method];
  return found === undefined || found.enabled ? undefined : found;
}

/** What a call of a method that is switched off ends with. */
export function switchedOff(
  { service, method }: Pick<MethodRef, 'service' | 'method'>,
  { message, retryAfterMs }: MethodSwitch,
  version: number,
): RpcError {
  const told = message === undefined ? '' : `: ${message}`;
  const reason = `${service}.${method} is switched off by the rule "switch" of version ${version} of the rules of "${service}"${told}`;
  return rpcError('UNAVAILABLE', reason, { service, method, progress: 'unsent', retryAfterMs });
}
