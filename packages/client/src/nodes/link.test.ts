import assert from 'node:assert/strict';
import { DEFAULT_LIMITS, type Random } from '@org/rpc-core';
import { TimerQueue } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { type ClientProtocol, messagePackRpc, msgpack } from '@org/rpc-wire';
import { type ByteStream, memoryPair } from '@org/rpc-wire/internal';
import { Link, type LinkState } from './link.js';

const ENDPOINT: Endpoint = { id: 'a', host: 'h', port: 1, weight: 100, state: 'up' };

class Scene {
  readonly clock = new FakeClock(1_000);
  readonly dials: number[] = [];
  readonly states: LinkState[] = [];
  /** Whether it might come soon, whenever it was lost. */
  readonly hopes: boolean[] = [];
  readonly link: Link;
  failure: Error | undefined;
  far: ByteStream | undefined;

  constructor(random: Random = seededRandom(1), isReachable = false, protocol?: ClientProtocol) {
    if (!isReachable) this.failure = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' });
    const { clock } = this;
    const dial = async (): Promise<ByteStream> => {
      this.dials.push(clock.now());
      if (this.failure !== undefined) throw this.failure;
      const [near, far] = memoryPair();
      this.far = far;
      return near;
    };
    const timers = new TimerQueue(clock);
    this.link = new Link(ENDPOINT, { dial, codec: msgpack(), limits: DEFAULT_LIMITS, clock, random, timers, protocol });
    this.link.connect();
    this.link.observe({
      linkChanged: ({ state, mayComeSoon }, previous) => {
        this.states.push(state);
        if (previous === 'ready' && state !== 'ready') this.hopes.push(mayComeSoon);
      },
    });
  }

  /** The server says its first word. */
  hear(): void {
    this.far!.write(Buffer.of(0x93, 0x02, 0xa1, 0x78, 0x90));
  }

  /** Its connection is lost; the time until it connects again, in milliseconds. It is ready then. */
  async lose(): Promise<number> {
    const before = this.dials.length;
    const lostAt = this.clock.now();
    this.far!.destroy();
    await this.clock.advance(0);
    while (this.dials.length === before) await this.clock.advance(1);
    await this.clock.advance(0);
    assert.equal(this.link.state, 'ready');
    return this.dials.at(-1)! - lostAt;
  }

  /** The pauses between attempts to connect, in milliseconds. */
  get pauses(): number[] {
    return this.dials.slice(1).map((at, index) => at - this.dials[index]!);
  }
}

describe('Link', () => {
  it('connects again and again, each time after a pause that may be twice as long, at most ten seconds', async () => {
    const almostOne = 0.999_999;
    const scene = new Scene(() => almostOne);
    await scene.clock.advance(60_000);
    assert.deepEqual(
      scene.pauses.map((pause) => Math.round(pause)),
      [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000, 10_000],
    );
    scene.link.close('test over');
  });

  it('draws each pause by chance from zero up, so that clients do not come back together', async () => {
    const first = new Scene(seededRandom(1));
    const second = new Scene(seededRandom(2));
    for (const { clock } of [first, second]) await clock.advance(60_000);
    assert.notDeepEqual(first.pauses.slice(0, 5), second.pauses.slice(0, 5));
    for (const { link } of [first, second]) link.close('test over');
  });

  it('goes from connecting to ready, and by a loss to backoff and back', async () => {
    const scene = new Scene();
    scene.failure = undefined;
    await scene.clock.advance(200);
    scene.far!.destroy();
    await scene.clock.advance(200);
    assert.deepEqual(scene.states, ['backoff', 'connecting', 'ready', 'backoff', 'connecting', 'ready']);
    scene.link.close('test over');
  });

  it('connects at once after a connection that was lost young, once in a second; calls may wait for the pause after that too', async () => {
    const scene = new Scene(() => 0.5, true, messagePackRpc());
    const pauses: number[] = [];
    for (const ageMs of [0, 0, 0, 0, 900]) {
      await scene.clock.advance(0);
      scene.hear();
      await scene.clock.advance(ageMs);
      pauses.push(await scene.lose());
    }
    assert.deepEqual(pauses, [0, 50, 50, 50, 0]);
    assert.deepEqual(scene.hopes, [true, true, true, true, true]);
    scene.link.close('test over');
  });

  it('has little hope of a server that takes connections and hangs up without a word', async () => {
    const scene = new Scene(() => 0.5, true, messagePackRpc());
    await scene.clock.advance(0);
    const pauses = [await scene.lose(), await scene.lose(), await scene.lose()];
    assert.deepEqual(pauses, [0, 100, 200]);
    assert.deepEqual(scene.hopes, [true, false, false]);
    scene.link.close('test over');
  });

  it('tells a refusal from silence', async () => {
    const scene = new Scene();
    await scene.clock.advance(0);
    assert.equal(scene.link.isRefused, true);
    scene.failure = Object.assign(new Error('connection timed out'), { code: 'ETIMEDOUT' });
    await scene.clock.advance(200);
    assert.equal(scene.link.isRefused, false);
    assert.equal(scene.link.lastError, 'connection timed out');
    scene.link.close('test over');
  });

  it('destroys a connection that arrives after it was closed', async () => {
    const scene = new Scene(seededRandom(1), true);
    scene.link.close('test over');
    let isClosed = false;
    scene.far!.start({ data: () => {}, drained: () => {}, ended: () => {}, closed: () => (isClosed = true) });
    await scene.clock.advance(60_000);
    assert.equal(scene.link.state, 'closed');
    assert.equal(scene.link.connection, undefined);
    assert.equal(isClosed, true);
    assert.equal(scene.dials.length, 1);
  });

  it('leaves no timer behind when it is closed', async () => {
    const scene = new Scene();
    await scene.clock.advance(1_000);
    scene.link.close('test over');
    scene.link.close('once more');
    assert.equal(scene.clock.pending, 0);
    assert.equal(scene.states.at(-1), 'closed');
  });
});
