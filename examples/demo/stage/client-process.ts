import { Child, type Exit } from './child.js';
import type { ClientMessage, NodeMessage, NodeReport, Report } from './messages.js';

/** Reports that are kept: from the oldest to the newest is the second of which the table shows calls/s. */
const REPORTS_KEPT = 3;

/** The client, as main.ts knows it. */
export class ClientProcess {
  readonly #child: Child<ClientMessage>;
  readonly #onMessage: (message: ClientMessage, before: Report | undefined) => void;
  readonly #downAt = new Map<string, number>();
  #reports: readonly Report[] = [];
  /** Why it could not start. */
  stuck: string | undefined;

  /** @param onMessage - told of each message, and of the report before it */
  constructor(
    environment: Readonly<Record<string, string>>,
    onMessage: (message: ClientMessage, before: Report | undefined) => void,
    onLine: (line: string) => void,
  ) {
    this.#onMessage = onMessage;
    this.#child = new Child<ClientMessage>({
      file: 'client.js',
      environment,
      onMessage: (message) => this.#told(message),
      onLine,
      onExit: () => {},
    });
  }

  get exit(): Exit | undefined {
    return this.#child.exit;
  }

  get exited(): Promise<Exit> {
    return this.#child.exited;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What it has counted, `undefined` before it has connected. */
  get report(): Report | undefined {
    return this.#reports.at(-1);
  }

  /** When it noticed that this node was down. */
  downAt(address: string | undefined): number | undefined {
    return address === undefined ? undefined : this.#downAt.get(address);
  }

  node(address: string | undefined): NodeReport | undefined {
    return nodeOf(this.report, address);
  }

  /** Calls per second within about the last second: of a node, or of all without an address. */
  rate(address?: string): number | undefined {
    const [first] = this.#reports;
    const last = this.report;
    if (first === undefined || last === undefined || last.at <= first.at) return undefined;
    const calls =
      address === undefined
        ? last.calls - first.calls
        : (nodeOf(last, address)?.calls ?? 0) - (nodeOf(first, address)?.calls ?? 0);
    return (calls * 1000) / (last.at - first.at);
  }

  /** Tells it to finish the calls under way and make no more. */
  stop(): void {
    this.#child.say('stop');
  }

  end(graceMs: number): Promise<void> {
    return this.#child.end(graceMs);
  }

  #told(message: ClientMessage): void {
    const before = this.report;
    if (message.kind === 'stuck') this.stuck = message.message;
    else if (message.kind === 'down') this.#downAt.set(message.address, message.at);
    else if (message.kind === 'report') this.#reports = [...this.#reports, message].slice(-REPORTS_KEPT);
    this.#onMessage(message, before);
  }
}

/** Whether it is about a node. */
export function isNodeMessage(message: ClientMessage): message is NodeMessage {
  return 'address' in message;
}

function nodeOf(report: Report | undefined, address: string | undefined): NodeReport | undefined {
  return report?.nodes.find((node) => node.address === address);
}
