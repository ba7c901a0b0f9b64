import type { RulesAuthor } from '@org/rpc-console';

/** Who runs the command, as its environment says: for the stamp of the rules that it sets. */
export function authorOf(terminal: {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: RulesAuthor['clock'];
}): RulesAuthor {
  const { SUDO_USER, USER, LOGNAME, USERNAME } = terminal.environment as Readonly<Record<string, string | undefined>>;
  // A user of sudo is more to the point than root.
  return { name: SUDO_USER || USER || LOGNAME || USERNAME || 'somebody', clock: terminal.clock };
}
