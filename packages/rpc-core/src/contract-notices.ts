import type { ContractDifference } from './contract-summary.js';
import { plainText } from './plain-text.js';
import { printLine } from './print-line.js';

/** The differences of one service, found at one peer. */
export interface ContractNotice {
  readonly service: string;
  readonly differences: readonly ContractDifference[];
}

/** The most notices that one client or server remembers: a peer could invent any number of them. */
const NOTICES_MAX = 100;
const DIFFERENCES_SHOWN = 5;
const LENGTH_MAX = 1_000;

/** Reports differences between contracts, each once, however many peers have it. */
export class ContractNotices {
  readonly #owner: string;
  readonly #write: (line: string) => void;
  readonly #told = new Set<string>();

  /**
   * @param owner - who reports: `client orders-1`
   * @param write - writes a line; by default to stderr
   */
  constructor(owner: string, write: (line: string) => void = printLine) {
    this.#owner = owner;
    this.#write = write;
  }

  /** Whether the notice is new. It counts as reported from now on. */
  isNews({ service, differences }: ContractNotice): boolean {
    const key = `${service} ${differences.map(({ method, text }) => `${method} ${text}`).join(', ')}`;
    if (differences.length === 0 || this.#told.has(key) || this.#told.size >= NOTICES_MAX) return false;
    this.#told.add(key);
    return true;
  }

  /**
   * Writes a line to stderr, for programs that do not listen to events.
   * @param peer - where the differences were found: `server users-1 at 10.0.0.7:4399`
   */
  print({ service, differences }: ContractNotice, peer: string): void {
    const shown = differences.slice(0, DIFFERENCES_SHOWN).map(({ method, text }) => `${service}.${method}: ${text}`);
    const more = differences.length - shown.length;
    const text = `${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
    this.#write(
      `[rpc] ${this.#owner} and the ${plainText(peer)} have different contracts: ${text.slice(0, LENGTH_MAX)}\n`,
    );
  }
}
