import type { CommandLine, OptionSpecs } from './command-line.js';
import { METADATA_SPECS, metadataOptions } from './metadata-options.js';

/** The options by which servers know an operator. */
export const OPERATOR_SPECS = {
  'operator-token': {
    type: 'string',
    value: '<token>',
    help: 'what the servers have in their option operator; better in RPC_OPERATOR_TOKEN, which no list of processes shows',
  },
  ...METADATA_SPECS,
} as const satisfies OptionSpecs;

/** What an operator shows to servers. */
export interface OperatorIdentity {
  readonly operatorToken: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads the options of {@link OPERATOR_SPECS}. @throws CliError for metadata that is none */
export function operatorOptions(
  line: CommandLine,
  environment: Readonly<Record<string, string | undefined>>,
): OperatorIdentity {
  const operatorToken = line.text('operator-token') ?? (environment['RPC_OPERATOR_TOKEN'] || undefined);
  return { operatorToken, metadata: metadataOptions(line) };
}
