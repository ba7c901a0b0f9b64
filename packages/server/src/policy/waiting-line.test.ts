import assert from 'node:assert/strict';
import type { IncomingCall } from '@org/rpc-wire/internal';
import { type Waiting, WaitingLine } from './waiting-line.js';

interface Sketch {
  readonly since?: number;
  readonly priority?: number;
  readonly caller?: string;
  readonly timeoutMs?: number;
  readonly identity?: string;
}

function waiting({ since = 0, priority = 128, caller = 'a', timeoutMs = 1_000, identity }: Sketch = {}): Waiting {
  const peer = { address: `${caller}:1`, identity };
  const call = { priority, deadline: since + timeoutMs, abandoned: false, peer } as IncomingCall;
  return { call, since, settle: () => {} };
}

describe('a line of calls that wait', () => {
  it('gives each caller a turn, whatever the others send', () => {
    const line = new WaitingLine();
    const all = ['a', 'a', 'a', 'b', 'c', 'c'].map((caller) => waiting({ caller }));
    for (const each of all) line.add(each);
    const taken = all.map(() => line.take(1)!.call.peer.address[0]);
    assert.deepEqual([taken.join(''), line.size, line.take(1)], ['abcaca', 0, undefined]);
  });

  it('knows a caller by who it proved to be, whatever address it has', () => {
    const line = new WaitingLine();
    for (const caller of ['a', 'b', 'c']) line.add(waiting({ caller, identity: 'shop' }));
    line.add(waiting({ caller: 'd' }));
    assert.deepEqual([line.take(1)!.call.peer.address, line.take(1)!.call.peer.address], ['a:1', 'd:1']);
  });

  it('lets the one who has most give way, and nobody for its own like', () => {
    const line = new WaitingLine();
    const hog = Array.from({ length: 3 }, (_, since) => waiting({ caller: 'hog', since }));
    for (const each of [...hog, waiting({ caller: 'b' })]) line.add(each);
    assert.equal(line.evict(waiting({ caller: 'hog' }).call, 10), undefined);
    assert.equal(line.evict(waiting({ caller: 'c' }).call, 10), hog[0]);
    // The hog has two calls left: one more of b would make them equal.
    assert.equal(line.evict(waiting({ caller: 'b' }).call, 10), undefined);
    assert.equal(line.evict(waiting({ caller: 'b', priority: 200 }).call, 10), hog[1]);
    assert.equal(line.evict(waiting({ caller: 'c', priority: 0 }).call, 10), undefined);
  });

  it('stands when nobody was let in soon for 100 ms: then the newest goes first, and who has waited for half of its time goes', () => {
    const line = new WaitingLine();
    const old = waiting({ since: 0, timeoutMs: 200 });
    const [middle, fresh] = [waiting({ since: 50 }), waiting({ since: 101 })];
    for (const each of [old, middle, fresh]) line.add(each);
    assert.deepEqual(line.takeImpatient(99), []);
    assert.deepEqual(line.takeImpatient(101), [old]);
    assert.deepEqual([line.take(102), line.take(103), line.size], [fresh, middle, 0]);
    // An empty line is no longer standing.
    for (const each of [waiting({ since: 200 }), waiting({ since: 201 })]) line.add(each);
    assert.equal(line.take(202)!.since, 200);
  });

  it('does not stand by priority: that the critical are let in at once says nothing of the rest', () => {
    const line = new WaitingLine();
    for (const since of [0, 60]) line.add(waiting({ priority: 0, since }));
    for (let now = 0; now <= 120; now += 20) {
      line.add(waiting({ priority: 255, since: now }));
      assert.equal(line.take(now)!.call.priority, 255);
    }
    assert.equal(line.take(120)!.since, 60);
  });

  it('lets go of those that are late or given up', () => {
    const line = new WaitingLine();
    const [late, given, good] = [waiting({ timeoutMs: 10 }), waiting(), waiting()];
    for (const each of [late, given, good]) line.add(each);
    (given.call as { abandoned: boolean }).abandoned = true;
    assert.deepEqual([line.takeOver(20), line.size], [[late, given], 1]);
  });
});
