import { setTimeout as sleep } from 'node:timers/promises';
import { describeExit } from './child.js';
import { ClientProcess, isNodeMessage } from './client-process.js';
import { formatSeconds, pad, type Style } from './format.js';
import type { ClientMessage, NodeMessage, Report } from './messages.js';
import type { Screen } from './screen.js';
import { ServerProcess } from './server-process.js';
import { progressLine, type Scene, tableLines } from './table.js';

/** Something that ends the demo. The message is all that a user needs to see. */
export class DemoError extends Error {}

/** How long processes have to end before they are killed, in milliseconds. */
const END_GRACE_MS = 3_000;

/** Redrawn this often, in milliseconds; every second time is a line where nothing can be redrawn. */
const DRAW_MS = 500;

/** What a stage is given. */
export interface StageOptions {
  readonly screen: Screen;
  readonly style: Style;
  /** For the processes: where the registry is. */
  readonly environment: Readonly<Record<string, string>>;
  /** How long calls will be made, in milliseconds. */
  readonly durationMs: number;
  /** Aborts when the user has enough. */
  readonly signal: AbortSignal;
}

/** The processes of the demo, and what is shown of them. */
export class Stage implements Scene {
  readonly style: Style;
  readonly durationMs: number;
  readonly servers: ServerProcess[] = [];
  client: ClientProcess | undefined;
  /** When the first call was answered, by the wall clock; `undefined` before. */
  startedAt: number | undefined;
  readonly #options: StageOptions;
  readonly #timer: NodeJS.Timeout;
  #draws = 0;
  #isClosing = false;

  constructor(options: StageOptions) {
    this.#options = options;
    this.style = options.style;
    this.durationMs = options.durationMs;
    this.#timer = setInterval(() => this.#draw(), DRAW_MS);
  }

  /** Since the first call, in milliseconds. */
  get elapsedMs(): number {
    return this.startedAt === undefined ? 0 : Math.max(0, Date.now() - this.startedAt);
  }

  /** Says what happens, with its time. */
  readonly log = (text: string, tone?: 'good' | 'bad' | 'warn'): void => {
    if (this.#isClosing) return;
    const time = this.startedAt === undefined ? '' : formatSeconds(this.elapsedMs);
    const { style, screen } = this.#options;
    screen.print(`  ${style.dim(pad(time, 6, 'right'))}  ${tone === undefined ? text : style[tone](text)}`);
  };

  startServer(): ServerProcess {
    const server = new ServerProcess(`server ${this.servers.length + 1}`, this.#options.environment, this.log);
    this.servers.push(server);
    return server;
  }

  startClient(): ClientProcess {
    this.client = new ClientProcess(this.#options.environment, this.#told, (line) =>
      this.log(`client: ${line}`, 'bad'),
    );
    return this.client;
  }

  /** Which server has an address. */
  nameOf(address: string): string {
    return this.servers.find((server) => server.address === address)?.name ?? address;
  }

  /**
   * Waits until something has come true.
   * @returns whether it has, within the time
   * @throws DemoError when the client has ended; what the signal aborts with
   */
  async until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    const deadline = Date.now() + timeoutMs;
    while (!condition()) {
      const { client } = this;
      if (client?.stuck !== undefined) throw new DemoError(client.stuck);
      if (client?.exit !== undefined) throw new DemoError(`the client has ended (${describeExit(client.exit)})`);
      if (Date.now() >= deadline) return false;
      await sleep(20, undefined, { signal: this.#options.signal });
    }
    return true;
  }

  /** Waits until so much of the time has passed, from 0 to 1. */
  async untilShare(share: number): Promise<void> {
    await this.until(() => this.elapsedMs >= share * this.durationMs, this.durationMs + 1_000);
  }

  /** Draws for the last time, and lets what is drawn stay. */
  finishDrawing(): void {
    clearInterval(this.#timer);
    const { screen } = this.#options;
    const { isLive } = screen;
    const lines = ['', ...tableLines(this)];
    if (isLive) screen.draw(lines);
    else screen.print(...lines);
    screen.close();
  }

  /** Ends every process that still runs. Idempotent. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#timer);
    this.#options.screen.close();
    // The client first: servers without one have nobody to wait for.
    await this.client?.end(END_GRACE_MS);
    await Promise.all(this.servers.map((server) => server.end(END_GRACE_MS)));
  }

  readonly #told = (message: ClientMessage, before: Report | undefined): void => {
    if (message.kind === 'report') this.#reported(message, before);
    else if (message.kind === 'failedCall') this.log(`a call failed: ${message.message}`, 'bad');
    else if (message.kind === 'registry') this.log(`client, its registry: ${message.message}`, 'warn');
    else if (isNodeMessage(message) && this.startedAt !== undefined && this.client?.report?.isLast !== true)
      this.#nodeChanged(message);
  };

  #reported(report: Report, before: Report | undefined): void {
    if (report.calls > 0) this.startedAt ??= report.at - report.elapsedMs;
    for (const node of report.nodes) {
      const errors = node.errors - (before?.nodes.find(({ address }) => address === node.address)?.errors ?? 0);
      if (errors === 0) continue;
      const what = errors === 1 ? '1 call broke off' : `${errors} calls broke off`;
      this.log(`${what} on ${this.nameOf(node.address)} and ${errors === 1 ? 'is' : 'are'} repeated elsewhere`, 'warn');
    }
  }

  #nodeChanged({ kind, address, reason }: NodeMessage): void {
    const name = this.nameOf(address);
    if (kind === 'up') this.log(`the client is connected to ${name}`, 'good');
    else if (kind === 'down') this.log(`the client sends nothing to ${name} any more: ${reason}`, 'warn');
    else if (kind === 'removed') this.log(`the client has forgotten ${name}`);
    else if (kind === 'breakerOpened') this.log(`the client's breaker for ${name} is open`, 'warn');
    else this.log(`the client's breaker for ${name} is closed again`, 'good');
  }

  #draw(): void {
    if (this.startedAt === undefined) return;
    const { screen } = this.#options;
    if (screen.isLive) screen.draw(['', ...tableLines(this)]);
    else if (this.#draws++ % 2 === 1) screen.print(progressLine(this));
  }
}
