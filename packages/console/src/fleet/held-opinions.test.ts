import assert from 'node:assert/strict';
import { HeldOpinions } from './held-opinions.js';

const OPINION = { client: 'trips', service: 'maps', instance: 'maps-c', endpoint: 'h:1' };
const report = (isAvoided: boolean, reason: string, process = 'host:7') => ({
  process,
  opinions: [{ ...OPINION, isAvoided, reasons: [reason] }],
});
const seen = (held: HeldOpinions, second: number) =>
  (held.byInstance(second, 50).get('maps-c') ?? []).map(({ toldBy, isAvoided, secondsAgo, reasons }) => [
    toldBy,
    isAvoided,
    secondsAgo,
    ...reasons,
  ]);

describe('opinions of callers', () => {
  it('stay for a minute after they are given up, with how long ago that was', () => {
    const held = new HeldOpinions();
    held.record('trips-a', report(false, 'slow'), 100);
    held.record('trips-a', report(true, 'failing'), 102);
    assert.deepEqual(seen(held, 103), [['trips-a', true, 0, 'failing']]);
    held.record('trips-a', report(false, 'slow again'), 110);
    assert.deepEqual(seen(held, 111), [
      ['trips-a', false, 0, 'slow again'],
      ['trips-a', true, 9, 'failing'],
    ]);
    assert.deepEqual(seen(held, 163), [['trips-a', false, 53, 'slow again']]);
    held.sweep(171);
    assert.deepEqual(seen(held, 112), []);
  });

  it('tell processes of one client name apart, and servers of one process not', () => {
    const held = new HeldOpinions();
    held.record('trips-a', report(true, 'failing'), 100);
    held.record('trips-b', report(true, 'failing', 'host:8'), 100);
    held.record('metrics-b', report(true, 'failing', 'host:8'), 101);
    assert.deepEqual(
      seen(held, 101)
        .map(([toldBy]) => toldBy)
        .sort(),
      ['trips-a', 'trips-b'],
    );
  });

  it('have a bound', () => {
    const held = new HeldOpinions();
    for (let n = 0; n < 6_000; n++) held.record('a', report(true, 'failing', `host:${n}`), 100);
    assert.equal(held.byInstance(100, 10_000).get('maps-c')!.length, 5_000);
  });
});
