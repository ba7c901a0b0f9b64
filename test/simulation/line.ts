import type { Random } from '@org/rpc';
import type { FakeClock } from '@org/rpc-testkit';
import type { ByteStream } from '@org/rpc-wire/internal';
import type { ProcessClock } from './process-clock.js';

type ByteReceiver = Parameters<ByteStream['start']>[0];
type Parcel = Buffer | 'end' | Error;

/** How the bytes of a line travel. */
export interface LineSettings {
  readonly clock: FakeClock;
  readonly random: Random;
  /** One way, in milliseconds: at least the first, at most the second. */
  readonly lagMs: readonly [least: number, most: number];
  /** Whether what is written in one piece may arrive in several. */
  readonly cutsPieces: boolean;
}

/**
 * A connection between two simulated processes, as TCP makes it: bytes come late, in order, in other pieces than they were sent. It can be
 * held (nothing arrives, nothing is lost), reset, and cut in the middle of what is being sent.
 */
export class Line {
  readonly client: LineEnd;
  readonly server: LineEnd;
  /** The client whose it is. */
  owner = -1;
  readonly #ends: readonly LineEnd[];
  #isHeld = false;

  constructor(settings: LineSettings, client: ProcessClock, server: ProcessClock, address: string) {
    this.client = new LineEnd(settings, client, address);
    this.server = new LineEnd(settings, server, 'client:1');
    this.client.other = this.server;
    this.server.other = this.client;
    this.#ends = [this.client, this.server];
  }

  get isOver(): boolean {
    return this.#ends.every(({ isClosed }) => isClosed);
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** The most bytes that have waited at either end. */
  get queuedMax(): number {
    return Math.max(...this.#ends.map(({ queuedMax }) => queuedMax));
  }

  /** Nothing arrives any more, at one end or at both. */
  hold(to: 'client' | 'server' | 'both' = 'both'): void {
    this.#isHeld = true;
    for (const end of to === 'both' ? this.#ends : [this[to]]) end.hold(true);
  }

  release(): void {
    this.#isHeld = false;
    for (const end of this.#ends) end.hold(false);
    // A system that knows nothing of a connection resets it.
    if (this.server.isOrphan) this.reset();
  }

  /** Takes back a cut that is still to come. */
  mend(): void {
    for (const end of this.#ends) end.mend();
  }

  /** Both ends hear of it, and what was on its way is lost. */
  reset(): void {
    for (const end of this.#ends) end.fail('the connection was reset');
  }

  /** Of the next bytes to one end, so many arrive; then it is as {@link reset}. */
  cutAfter(to: 'client' | 'server', bytes: number): void {
    this[to].cutAfter(bytes, () => this.reset());
  }
}

/** One end of a line; its receiver belongs to one process. */
class LineEnd implements ByteStream {
  readonly peer: { readonly address: string };
  other!: LineEnd;
  isClosed = false;
  queuedMax = 0;
  readonly #settings: LineSettings;
  readonly #process: ProcessClock;
  #receiver: ByteReceiver | undefined;
  /** What has arrived, and has not been taken. */
  readonly #inbox: Parcel[] = [];
  #bytes = 0;
  #arrivesAt = 0;
  #isPaused = false;
  #isHeld = false;
  #isDelivering = false;
  #hasEnded = false;
  #otherEnded = false;
  #cut: { left: number; readonly then: () => void } | undefined;

  constructor(settings: LineSettings, process: ProcessClock, address: string) {
    this.#settings = settings;
    this.#process = process;
    this.peer = { address };
  }

  start(receiver: ByteReceiver): void {
    this.#receiver = receiver;
    this.#deliverSoon();
  }

  write(bytes: Buffer): boolean {
    if (this.#hasEnded || this.isClosed) return true;
    this.other.#bytes += bytes.length;
    this.queuedMax = Math.max(this.queuedMax, this.other.#bytes);
    for (const piece of this.#pieces(Buffer.from(bytes))) this.other.#send(piece);
    return true;
  }

  get isOrphan(): boolean {
    return this.#process.isDead;
  }

  get queuedBytes(): number {
    return this.other.#bytes;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#deliverSoon();
  }

  end(): void {
    if (this.#hasEnded || this.isClosed) return;
    this.#hasEnded = true;
    this.other.#send('end');
    if (this.#otherEnded) queueMicrotask(() => this.#close(undefined));
  }

  destroy(): void {
    if (this.isClosed) return;
    this.#close(undefined);
    this.other.#send(new Error('the other end was closed'));
  }

  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#deliverSoon();
  }

  fail(reason: string): void {
    this.#process.run(() => this.#close(new Error(reason)));
    // The system closes what belongs to a process that is gone.
    if (this.#process.isDead) this.isClosed = true;
  }

  cutAfter(bytes: number, then: () => void): void {
    this.#cut = { left: bytes, then };
  }

  mend(): void {
    this.#cut = undefined;
  }

  #pieces(bytes: Buffer): Buffer[] {
    const { random, cutsPieces } = this.#settings;
    if (!cutsPieces || bytes.length < 2 || random() < 0.7) return [bytes];
    const at = 1 + Math.floor(random() * (bytes.length - 1));
    return [bytes.subarray(0, at), bytes.subarray(at)];
  }

  /** Puts something on its way to this end. */
  #send(parcel: Parcel): void {
    const { clock, random, lagMs } = this.#settings;
    const [least, most] = lagMs;
    this.#arrivesAt = Math.max(this.#arrivesAt, clock.now() + least + random() * (most - least));
    clock.schedule(this.#arrivesAt - clock.now(), () => {
      if (this.isClosed) return;
      this.#inbox.push(parcel);
      this.#deliverSoon();
    });
  }

  #deliverSoon(): void {
    if (this.#isDelivering || this.#inbox.length === 0) return;
    this.#isDelivering = true;
    this.#process.run(() =>
      queueMicrotask(() => {
        this.#isDelivering = false;
        this.#deliver();
      }),
    );
  }

  #deliver(): void {
    while (this.#inbox.length > 0 && !this.isClosed && !this.#isHeld && this.#receiver !== undefined) {
      const [parcel] = this.#inbox;
      // A reset is heard of by those, too, who do not read.
      if (this.#isPaused && !(parcel instanceof Error)) return;
      this.#inbox.shift();
      if (parcel === 'end') this.#end();
      else if (parcel instanceof Error) this.#close(this.#hasEnded ? undefined : parcel);
      else this.#data(parcel!);
    }
  }

  #end(): void {
    this.#otherEnded = true;
    this.#receiver!.ended();
    if (this.#hasEnded) this.#close(undefined);
  }

  #data(bytes: Buffer): void {
    const cut = this.#cut;
    const taken = cut === undefined ? bytes : bytes.subarray(0, cut.left);
    this.#bytes -= bytes.length;
    if (taken.length > 0) this.#receiver!.data(taken);
    if (cut !== undefined) {
      cut.left -= taken.length;
      if (cut.left <= 0) return cut.then();
    }
    if (this.#bytes === 0) this.other.#process.run(() => this.other.#drained());
  }

  #drained(): void {
    if (!this.isClosed) this.#receiver?.drained();
  }

  #close(error: Error | undefined): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#inbox.length = 0;
    this.#bytes = 0;
    this.#receiver?.closed(error);
  }
}
