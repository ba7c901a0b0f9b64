import { FakeClock, seededRandom } from '@org/rpc-testkit';
import type { Terminal } from '../src/terminal.js';

/** A terminal that keeps what was written to it. */
export interface TestTerminal extends Terminal {
  outText: string;
  errText: string;
}

/** Makes one: no terminal, no colours, an empty environment, no input, unless told otherwise. */
export function testTerminal(changes: Partial<Terminal> = {}): TestTerminal {
  const terminal: TestTerminal = {
    outText: '',
    errText: '',
    out: (text) => {
      terminal.outText += text;
    },
    err: (text) => {
      terminal.errText += text;
    },
    outIsTerminal: false,
    errIsTerminal: false,
    columns: 80,
    environment: {},
    clock: new FakeClock(),
    random: seededRandom(1),
    drained: () => Promise.resolve(),
    input: async function* () {},
    inputIsTerminal: false,
    closeInput: () => {},
    size: () => ({ columns: 80, rows: 24 }),
    onKeys: () => () => {},
    onInterrupt: () => () => {},
    ...changes,
  };
  return terminal;
}
