/**
 * The closed set of outcome codes: the canonical names of gRPC, with their numbers on the wire.
 *
 * Source: https://grpc.io/docs/guides/status-codes/ (the numbers are the same, `OK` = 0 is no error and has no name here).
 */
export const CODE_NUMBERS: Readonly<Record<Code, number>> = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
};

/** The code of an {@link RpcError}: one of the canonical gRPC names. */
export type Code =
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

const CODE_NAMES: readonly (Code | undefined)[] = (() => {
  const names: (Code | undefined)[] = [];
  for (const name of Object.keys(CODE_NUMBERS) as Code[]) names[CODE_NUMBERS[name]] = name;
  return names;
})();

/** The code that has this number on the wire; `UNKNOWN` for a number that this version does not know. */
export function codeFromNumber(number: number): Code {
  return CODE_NAMES[number] ?? 'UNKNOWN';
}

/** Whether a value names one of the codes. */
export function isCode(value: unknown): value is Code {
  return typeof value === 'string' && Object.hasOwn(CODE_NUMBERS, value);
}
