import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { MARK, type ToPrimary, type ToWorker } from './messages.js';
import { OwnPrimary } from './own-primary.js';

/** A process that is a worker, and what it says to its primary. */
class Own extends EventEmitter {
  readonly env = { RPC_WORKER: '1', RPC_WORKER_OF: '1' };
  readonly ppid = 1;
  connected = true;
  readonly said: ToPrimary[] = [];

  send(message: Record<string, ToPrimary>): boolean {
    this.said.push(message[MARK]!);
    return true;
  }

  hear(message: ToWorker): void {
    this.emit('message', { [MARK]: message });
  }
}

describe('the primary of a worker', () => {
  const target = { host: '127.0.0.1', port: 1, path: undefined, connectionsMax: 1 };

  async function listening(own: Own, right: (id: string) => void): Promise<OwnPrimary> {
    const primary = OwnPrimary.of(own as unknown as NodeJS.Process)!;
    const bind = primary.binding('i', 100, { port: 1, path: undefined }, false)!;
    const bound = bind(new EventEmitter() as never, target as never, () => {}, undefined);
    const [wish] = own.said;
    assert.ok(wish?.kind === 'listen');
    right(wish.id);
    await bound;
    return primary;
  }

  const address = { host: '127.0.0.1', port: 1 };
  const stop: ToWorker = { kind: 'stop', drainMs: undefined, graceMs: undefined, reason: 'enough' };

  /** How often the process was told to stop by what came before its server could hear it. */
  async function asked(right: (own: Own, id: string) => void): Promise<number> {
    const own = new Own();
    let signals = 0;
    own.on('SIGTERM', () => signals++);
    const primary = await listening(own, (id) => right(own, id));
    const off = primary.onStop(async () => {});
    await Promise.resolve();
    off();
    return signals;
  }

  it('is heard when its order to stop comes in one breath with the address', async () => {
    const signals = await asked((own, id) => {
      own.hear({ kind: 'listening', id, address });
      own.hear(stop);
    });
    assert.equal(signals, 1);
  });

  it('is missed when it goes before anybody could see that', async () => {
    const signals = await asked((own, id) => {
      own.hear({ kind: 'listening', id, address });
      own.connected = false;
    });
    assert.equal(signals, 1);
  });

  it('stops nothing without a word', async () => {
    assert.equal(await asked((own, id) => own.hear({ kind: 'listening', id, address })), 0);
  });
});
