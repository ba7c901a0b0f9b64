import { type Endpoint, memory, type Random, RpcError } from '@org/rpc';
import { createServer } from '@org/rpc-server';
import type { RpcServer } from '@org/rpc-server/internal';
import { type FakeClock, seededRandom } from '@org/rpc-testkit';
import type { Ledger } from './ledger.js';
import type { Line } from './line.js';
import { ProcessClock } from './process-clock.js';
import type { ServerSettings, Step } from './script.js';
import { CREDIT_BYTES } from './script.js';
import { Work, type Workplace, workHandlers } from './work.js';

const LIMITS = { streamCreditBytes: CREDIT_BYTES };

/** What a host is made of. */
export interface HostSettings {
  readonly port: number;
  readonly seed: number;
  readonly options: ServerSettings;
  readonly clock: FakeClock;
  readonly ledger: Ledger;
  readonly layers?: NonNullable<Parameters<typeof createServer>[0]>['layers'];
}

/** One process of a server after the other, on the same address. */
export class Host {
  readonly port: number;
  process!: ProcessClock;
  server!: RpcServer;
  /** What somebody who connects meets: nobody is there, or somebody is who accepts. */
  isListening = false;
  isDraining = false;
  /** Who connects is not even refused. */
  isSilent = false;
  slowTimes = 1;
  failing: Extract<Step, { kind: 'failing' }> | undefined;
  readonly lines = new Set<Line>();
  readonly #settings: HostSettings;
  readonly #random: Random;
  #run = 0;

  constructor(settings: HostSettings) {
    this.port = settings.port;
    this.#settings = settings;
    this.#random = seededRandom(settings.seed * 31 + settings.port);
    this.start();
  }

  get id(): string {
    return `h${this.port}.${this.#run}`;
  }

  get endpoint(): Endpoint {
    return { id: this.id, host: 'h', port: this.port, weight: 100, state: this.isDraining ? 'draining' : 'up' };
  }

  /** Starts the next process. */
  start(): void {
    const { clock, options, ledger, layers, seed } = this.#settings;
    this.#run++;
    this.process = new ProcessClock(clock);
    const host = this;
    const place: Workplace = {
      host: this.id,
      clock: this.process,
      ledger,
      get slowTimes() {
        return host.slowTimes;
      },
      fails: () => this.#fails(),
    };
    const random = seededRandom(seed * 7_919 + this.port * 101 + this.#run);
    const common = {
      name: this.id,
      registry: memory(),
      clock: this.process,
      random,
      limits: LIMITS,
      ...options,
    } as const;
    this.server = createServer(layers === undefined ? common : { ...common, layers }) as RpcServer;
    this.server.add(Work, workHandlers(place));
    this.server.on('handlerError', () => {});
    this.isListening = true;
    this.isSilent = false;
    this.isDraining = false;
  }

  /** `kill -9`: nothing of it runs any more, and its system resets its connections. */
  kill(): void {
    this.isListening = false;
    this.isDraining = false;
    this.process.kill();
    for (const line of this.lines) line.reset();
    this.lines.clear();
  }

  /** The machine is off: nobody is told, and nothing that is sent there arrives. */
  vanish(): void {
    this.isListening = false;
    this.isDraining = false;
    this.isSilent = true;
    this.process.kill();
    for (const line of this.lines) line.hold();
    this.lines.clear();
  }

  accept(line: Line): void {
    for (const each of this.lines) if (each.isOver) this.lines.delete(each);
    this.lines.add(line);
    const { server } = this;
    this.process.run(() => server.accept(line.server));
  }

  #fails(): RpcError | undefined {
    const { failing } = this;
    if (failing === undefined || this.#random() >= failing.share) return undefined;
    return new RpcError(failing.code, 'the host fails');
  }
}
