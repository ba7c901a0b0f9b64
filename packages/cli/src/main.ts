#!/usr/bin/env node
import { runCli } from './cli.js';
import { systemTerminal } from './terminal.js';

// Not process.exit(): it would cut off what a pipe has not taken yet.
process.exitCode = await runCli(process.argv.slice(2), systemTerminal());
