const PREFIX = /^(?:back to version \d+(?:: |$))+/;
const LENGTH_MAX = 500;

/**
 * The comment of a document that is set anew: to which version it goes back, and who had set that one and why. Going back several times
 * adds nothing to it.
 */
export function rollbackComment({
  version,
  comment = '',
}: {
  readonly version: number;
  readonly comment?: string | undefined;
}): string {
  const said = reasonOf(comment);
  return `back to version ${version}${said === '' ? '' : `: ${said}`}`.slice(0, LENGTH_MAX);
}

/** A comment without what rollbacks have put before it. */
export function reasonOf(comment: string): string {
  return comment.replace(PREFIX, '');
}
