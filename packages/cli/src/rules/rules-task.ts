import type { RulesSource, RulesStore } from '@org/rpc-registry';
import type { Style } from '../format/style.js';
import type { Terminal } from '../terminal.js';

/** What one run of `rpc rules` works with. */
export interface RulesTask {
  readonly service: string;
  /** What follows the service on the command line. */
  readonly words: readonly string[];
  readonly source: RulesSource;
  readonly store: RulesStore;
  /** The registry, for people. */
  readonly registry: string;
  readonly isDryRun: boolean;
  readonly isJson: boolean;
  readonly terminal: Terminal;
  readonly style: Style;
}
