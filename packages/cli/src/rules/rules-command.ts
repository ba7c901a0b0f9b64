import { CliError } from '../cli-error.js';
import type { Command } from '../command.js';
import { createStyle } from '../format/style.js';
import type { CommandLine } from '../options/command-line.js';
import { CONNECTION_SPECS, connectionOptions } from '../options/connection-options.js';
import { didYouMean } from '../options/nearest.js';
import { namedNamespace, namedRegistry, openRegistry } from '../registry.js';
import type { Terminal } from '../terminal.js';
import { deleteRules, rollBackRules, setRules } from './change-rules.js';
import type { RulesTask } from './rules-task.js';
import { showHistory, showRules, showStatus } from './show-rules.js';
import { watchRules } from './watch-rules.js';

/** What can be done with rules, and how many words follow the service. */
const VERBS: Readonly<Record<string, { readonly words: number; run(task: RulesTask): Promise<number> }>> = {
  get: { words: 0, run: showRules },
  set: { words: 1, run: setRules },
  watch: { words: 0, run: watchRules },
  history: { words: 0, run: showHistory },
  rollback: { words: 1, run: rollBackRules },
  status: { words: 0, run: showStatus },
  delete: { words: 0, run: deleteRules },
};

/** `rpc rules`: what operators order for the clients of a service. */
export const rulesCommand: Command = {
  name: 'rules',
  summary: 'see and change the rules of a service: timeouts, retries, weights, switches',
  usage: [
    'rpc rules get <service> [options]',
    'rpc rules set <service> <file|-> [options]',
    'rpc rules watch <service> [options]',
    'rpc rules history <service> [options]',
    'rpc rules rollback <service> <version> [options]',
    'rpc rules status <service> [options]',
    'rpc rules delete <service> [options]',
  ],
  options: {
    ...CONNECTION_SPECS,
    'dry-run': { type: 'boolean', help: 'check, show the difference, and write nothing (set, rollback, delete)' },
    json: { type: 'boolean', help: 'print as JSON; of watch, one line for each event' },
  },
  notes: [
    'What get --json prints can be edited and set again; when somebody else was faster, that is refused as a conflict.',
    'A document without a version replaces whatever is there. watch goes on until it is interrupted.',
  ],
  examples: [
    'rpc rules get calculator --json > rules.json',
    'rpc rules set calculator rules.json --dry-run --registry etcd://10.0.0.1:2379',
    'rpc rules rollback calculator 11',
  ],
  run: runRules,
};

async function runRules(line: CommandLine, terminal: Terminal): Promise<number> {
  const [word, service, ...words] = line.positionals;
  const verb = word !== undefined && Object.hasOwn(VERBS, word) ? VERBS[word] : undefined;
  const known = Object.keys(VERBS);
  if (word === undefined) throw new CliError(`say what to do: ${known.join(', ')}`);
  if (verb === undefined)
    throw new CliError(`cannot ${word}${didYouMean(word, known) || `; there are ${known.join(', ')}`}`);
  if (service === undefined || words.length !== verb.words) {
    const usage = rulesCommand.usage.find((form) => form.startsWith(`rpc rules ${word} `));
    throw new CliError(`usage: ${usage}`);
  }
  const { registry, namespace } = connectionOptions(line, terminal.environment);
  const open = openRegistry(namedRegistry(registry), namedNamespace(namespace, terminal.environment), terminal);
  try {
    const { source, store } = open.rules();
    const style = createStyle(terminal.outIsTerminal, terminal.environment);
    return await verb.run({
      service,
      words,
      source,
      store,
      registry: open.registry.display,
      isDryRun: line.flag('dry-run'),
      isJson: line.flag('json'),
      terminal,
      style,
    });
  } finally {
    await open.close();
  }
}
