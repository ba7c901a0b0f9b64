import { Child, describeExit, type Exit } from './child.js';
import type { ServerMessage } from './messages.js';

/** Told of what happens to a server, in words for people. */
export type Log = (text: string, tone?: 'good' | 'bad' | 'warn') => void;

/** What the table says of a server's process. */
export type ProcessState = 'starting' | 'running' | 'draining' | 'left' | 'killed' | 'ended';

/** One of the servers, as main.ts knows it. */
export class ServerProcess {
  readonly name: string;
  readonly #child: Child<ServerMessage>;
  readonly #log: Log;
  /** `host:port`, once it listens. */
  address: string | undefined;
  listeningAt: number | undefined;
  isRegistered = false;
  /** What its registry complained of last. */
  trouble: string | undefined;
  killedAt: number | undefined;
  toldToLeaveAt: number | undefined;
  #isDraining = false;

  constructor(name: string, environment: Readonly<Record<string, string>>, log: Log) {
    this.name = name;
    this.#log = log;
    this.#child = new Child<ServerMessage>({
      file: 'server.js',
      environment,
      onMessage: (message) => this.#told(message),
      onLine: (line) => log(`${name}: ${line}`, 'bad'),
      onExit: (exit) => this.#ended(exit),
    });
  }

  get state(): ProcessState {
    const { exit } = this.#child;
    if (exit === undefined) return this.#isDraining ? 'draining' : this.isRegistered ? 'running' : 'starting';
    if (this.killedAt !== undefined || exit.signal !== null) return 'killed';
    return this.toldToLeaveAt !== undefined && exit.code === 0 ? 'left' : 'ended';
  }

  get exit(): Exit | undefined {
    return this.#child.exit;
  }

  get isRunning(): boolean {
    return this.#child.isRunning;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Ends it without a warning, as a crash or the kernel would. */
  kill(): void {
    this.killedAt = Date.now();
    this.#child.kill('SIGKILL');
  }

  /** Asks it to leave in order, as a deployment would. */
  drain(): void {
    this.toldToLeaveAt = Date.now();
    this.#child.kill('SIGTERM');
  }

  /** Ends it when all is over. */
  end(graceMs: number): Promise<void> {
    this.toldToLeaveAt ??= Date.now();
    return this.#child.end(graceMs);
  }

  #told(message: ServerMessage): void {
    switch (message.kind) {
      case 'listening':
        this.address = message.address;
        this.listeningAt = message.at;
        break;
      case 'registered':
        this.isRegistered = true;
        break;
      case 'draining':
        this.#isDraining = true;
        break;
      case 'registry':
        this.trouble = message.message;
        if (this.isRegistered) this.#log(`${this.name}, its registry: ${message.message}`, 'warn');
        break;
    }
  }

  #ended(exit: Exit): void {
    if (this.killedAt === undefined && this.toldToLeaveAt === undefined) {
      this.#log(`${this.name} ended (${describeExit(exit)}), and not by this demo`, 'bad');
    }
  }
}
