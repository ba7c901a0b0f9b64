/** The call that its server has ended, since its time was over. */
interface Ended {
  readonly service: string;
  readonly method: string;
}

const PASSED = "the caller's deadline has passed";

/**
 * What a server says of a call that it has ended because the time of it was over.
 * @param call - `grantedMs` is the time that it had when it came, in milliseconds
 * @param meanwhile - what its handler did, with a space before it
 */
export function deadlinePassed({ service, method, grantedMs }: Ended & { grantedMs: number }, meanwhile = ''): string {
  return `${service}.${method}: ${PASSED}${meanwhile}: it had ${grantedMs} ms left when it came`;
}

/**
 * Whether a reason is that of {@link deadlinePassed} for this very call, and not the words of its handler. Its server counts the time for which it
 * has stood still before it read the call, and so may say so before its client would.
 */
export function isDeadlinePassed({ service, method }: Ended, reason: string): boolean {
  return reason.startsWith(`${service}.${method}: ${PASSED}`);
}
