import type { MethodDefinition, ServiceDefinition } from '@org/rpc-core';
import { assertServiceDefinition, isStreamKind } from '@org/rpc-core/internal';

/** @throws TypeError when it is no contract, or has streams, which callbacks do not have */
export function assertCallbackContract(where: string, definition: ServiceDefinition<object>): void {
  assertServiceDefinition(where, definition);
  for (const [name, { kind }] of Object.entries<MethodDefinition>(definition.methods))
    if (isStreamKind(kind))
      throw new TypeError(`${where}: ${definition.name}.${name} is a ${kind} method, and callbacks have no streams`);
}
