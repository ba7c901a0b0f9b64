import { runMoves } from './run-moves.js';

/*
 * The random moves of examples/python-client against a server of this library, as many as one likes; `-- --help` has the options:
 *
 *     npm run moves -- --moves 10000 --seed 1
 */
const { code, output } = await runMoves('moves.py', process.argv.slice(2));
process.stdout.write(output);
process.exitCode = code ?? 1;
