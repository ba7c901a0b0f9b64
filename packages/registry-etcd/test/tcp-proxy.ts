import { connect, createServer, type Server, type Socket } from 'node:net';

/** What a line does: passes bytes on, refuses and cuts every connection, or holds all bytes back without a sign. */
export type LineState = 'open' | 'cut' | 'silent';

/** A proxy in this process between a client and a server on this machine, to make trouble on the way. */
export interface TcpProxy {
  readonly port: number;
  /** Milliseconds that each byte takes longer towards the server. */
  latencyMs: number;
  readonly state: LineState;
  /** How many connections were made through it. */
  readonly accepted: number;
  set(state: LineState): void;
  /** Cuts connections that fail `isAllowed` now and when they send something. */
  recheck(): void;
  close(): Promise<void>;
}

/** Who may pass. */
export interface TcpProxyOptions {
  readonly port?: number;
  /** Tells from what it sends who a client is; `undefined` when these bytes do not say. */
  readonly sourceOf?: (bytes: Buffer) => string | undefined;
  readonly isAllowed?: (source: string | undefined) => boolean;
}

/** Starts one. @param target - the port that it leads to */
export async function startTcpProxy(target: number, options: TcpProxyOptions = {}): Promise<TcpProxy> {
  const line = new Line(target, options);
  await line.listen();
  return line;
}

class Line implements TcpProxy {
  latencyMs = 0;
  accepted = 0;
  readonly #target: number;
  readonly #options: TcpProxyOptions;
  readonly #server: Server;
  readonly #passages = new Set<Passage>();
  #state: LineState = 'open';

  constructor(target: number, options: TcpProxyOptions) {
    this.#target = target;
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: false }, (socket) => this.#accept(socket));
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get state(): LineState {
    return this.#state;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#options.port ?? 0, '127.0.0.1', resolve));
  }

  set(state: LineState): void {
    this.#state = state;
    for (const passage of [...this.#passages]) passage.follow(state);
  }

  recheck(): void {
    for (const passage of [...this.#passages]) if (!this.#isAllowed(passage)) passage.cut();
  }

  async close(): Promise<void> {
    this.set('cut');
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    if (this.#state === 'cut') return void socket.resetAndDestroy();
    this.accepted++;
    const passage: Passage = new Passage(socket, connect(this.#target, '127.0.0.1'), {
      latencyMs: () => this.latencyMs,
      saw: (bytes) => {
        passage.source ??= this.#options.sourceOf?.(bytes);
        return this.#isAllowed(passage);
      },
      ended: () => this.#passages.delete(passage),
    });
    this.#passages.add(passage);
    passage.follow(this.#state);
  }

  #isAllowed({ source }: Passage): boolean {
    return this.#options.isAllowed?.(source) ?? true;
  }
}

interface PassageRules {
  latencyMs(): number;
  /** Whether these bytes may pass. */
  saw(bytes: Buffer): boolean;
  ended(): void;
}

/** One connection through a line. */
class Passage {
  source: string | undefined;
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #rules: PassageRules;

  constructor(near: Socket, far: Socket, rules: PassageRules) {
    this.#near = near;
    this.#far = far;
    this.#rules = rules;
    near.setNoDelay(true);
    far.setNoDelay(true);
    near.on('data', (bytes) => this.#forward(bytes));
    far.on('data', (bytes) => void near.write(bytes));
    for (const socket of [near, far]) {
      socket.on('error', () => this.cut());
      socket.on('close', () => this.cut());
    }
  }

  follow(state: LineState): void {
    if (state === 'cut') this.cut();
    for (const socket of [this.#near, this.#far]) {
      if (state === 'silent') socket.pause();
      else if (state === 'open') socket.resume();
    }
  }

  cut(): void {
    this.#near.destroy();
    this.#far.destroy();
    this.#rules.ended();
  }

  #forward(bytes: Buffer): void {
    if (!this.#rules.saw(bytes)) return this.cut();
    const latencyMs = this.#rules.latencyMs();
    // Timers of one length fire in the order in which they were set.
    if (latencyMs > 0) setTimeout(() => this.#far.destroyed || this.#far.write(bytes), latencyMs);
    else this.#far.write(bytes);
  }
}
