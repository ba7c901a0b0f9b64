#!/usr/bin/env node
import { runCli } from './cli.js';
import { EXIT } from './cli-error.js';
import { systemTerminal } from './terminal.js';

// Whoever reads may stop, as `head` does: that is no failure, and there is nothing left to do.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  throw error;
});
// What cannot be said is no reason to end what runs.
process.stderr.on('error', () => {});

// Not process.exit(): it would cut off what a pipe has not taken yet.
process.exitCode = await runCli(process.argv.slice(2), systemTerminal());
