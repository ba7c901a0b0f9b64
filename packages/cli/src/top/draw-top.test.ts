import assert from 'node:assert/strict';
import type { FleetView } from '@org/rpc-console';
import { createStyle } from '../format/style.js';
import { afterKey, drawTop, type TopState, VIEWS } from './draw-top.js';

const PLAIN = createStyle(false, {});
const STATE: TopState = { view: 'services', sort: 'rate', service: undefined, from: 0, isHalted: false };
const rate = (perSecond: number, errorPercent = 0, p99 = 12.3) => ({ perSecond, errorPercent, p50: 1.2, p90: 5, p99 });

function fleet(changes: Partial<FleetView> = {}): FleetView {
  const instance = { weight: 100, zone: 'a', version: '1', state: 'up', startedAtMs: 0, address: 'h:1' } as const;
  const rest = {
    ruledWeights: {},
    report: 'answered',
    reason: undefined,
    server: undefined,
    loopLagMs: 0.5,
    loopLagWorstMs: 441,
    standing: undefined,
    opinions: [],
  } as const;
  const service = {
    instances: ['one'],
    methods: [],
    codes: {},
    rulesVersion: undefined,
    isDescribed: true,
    fresh: true,
  };
  return {
    ...{ at: 0, rateSeconds: 5, registry: 'local:/x', namespace: 'default', trouble: undefined, omitted: undefined },
    services: [
      { ...service, name: 'quiet', rate: rate(2) },
      { ...service, name: 'busy', rate: rate(1_500, 3.2, 1_234), rulesVersion: 7 },
    ],
    instances: [{ ...instance, ...rest, id: 'one', services: ['busy'], rate: rate(5), ruledWeights: { busy: 10 } }],
    troubles: [],
    callers: [],
    edges: [{ caller: 'web', instance: 'one', service: 'busy', rate: rate(5) }],
    ...changes,
  };
}

function draw(state: Partial<TopState> = {}, view = fleet(), columns = 80, rows = 24): string[] {
  return drawTop(view, { ...STATE, ...state }, { columns, rows }, PLAIN);
}

describe('the picture of rpc top', () => {
  it('has services, instances and callers, the busiest first', () => {
    assert.match(draw()[2]!, /^service +calls\/s +errors +p50 +p90 +p99 +inst\. +rules$/);
    assert.match(draw()[3]!, /^busy +1500 +3\.2 % +1\.20 ms +5\.00 ms +1\.23 s +1 +7$/);
    assert.match(draw()[4]!, /^quiet +2\.0 +0 % /);
    assert.match(draw({ view: 'instances' })[3]!, /^one +serving +5\.0 +0 % +1\.20 ms +12\.3 ms +441 ms +-$/);
    assert.match(draw({ view: 'instances' }, fleet(), 100)[3]!, / 441 ms +- +100>10/);
    const spared = fleet({ instances: [{ ...fleet().instances[0]!, standing: 'fewer' }] });
    assert.match(draw({ view: 'instances' }, spared)[3]!, /^one +fewer /);
    const last = { secondsAgo: 200, p50: 1, p90: 2, p99: 700 };
    const idle = fleet({ services: [{ ...fleet().services[0]!, rate: { perSecond: 0, errorPercent: 0, last } }] });
    assert.match(draw({}, idle)[3]!, /^quiet +idle 3m +- +1\.00 ms +2\.00 ms +700 ms /);
    assert.match(draw({ view: 'callers' })[3]!, /^web -> busy at one +5\.0 /);
    assert.match(draw({ view: 'callers', service: 'stock' })[3]!, /^no calls yet/);
  });

  it('is never wider or higher than the terminal', () => {
    const long = 'x'.repeat(300);
    const many = Array.from({ length: 50 }, (_, n) => ({ ...fleet().services[0]!, name: `${long}${n}` }));
    for (const view of VIEWS)
      for (const columns of [20, 40, 80, 81, 200]) {
        const lines = draw({ view }, fleet({ services: many, trouble: long, registry: long }), columns, 12);
        assert.ok(lines.length <= 12, String(lines.length));
        for (const line of lines) assert.ok(line.length <= columns, `${columns}: ${line}`);
      }
  });

  it('lets no name of others move the cursor or turn the text', () => {
    const hostile = 'a\u001b[2J\u202e\u0007\r\nb';
    const view = fleet({
      services: [{ ...fleet().services[0]!, name: hostile }],
      instances: [{ ...fleet().instances[0]!, id: hostile, zone: hostile }],
      edges: [{ ...fleet().edges[0]!, caller: hostile }],
      trouble: hostile,
      registry: hostile,
      omitted: hostile,
    });
    for (const each of VIEWS) {
      const text = draw({ view: each }, view, 200).join('|');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
      assert.doesNotMatch(text, /[\u0000-\u001f\u202e]/);
      assert.match(text, /a\\u001b\[2J\\u202e\\u0007 b/);
    }
  });

  it('follows the keys', () => {
    const after = (...keys: string[]) => keys.reduce(afterKey, STATE);
    assert.equal(after('2').view, 'instances');
    assert.equal(after('\t', '\t', '\t').view, 'services');
    assert.equal(after('s', 's').sort, 'p99');
    assert.deepEqual([after('j', '\u001b[B', 'k').from, after('k').from, after('\u001b[6~').from], [1, 0, 10]);
    assert.equal(after(' ').isHalted, true);
    assert.equal(after('x', '\u001b[H'), STATE);
    const many = Array.from({ length: 50 }, (_, n) => ({ ...fleet().services[0]!, name: `s${n + 10}` }));
    const lines = draw({ sort: 'name', from: 45 }, fleet({ services: many }), 80, 14);
    assert.match(lines.at(-1)!, /^41 to 50 of 50 /);
    assert.match(draw({ sort: 'p99' })[3]!, /^busy/);
    assert.match(draw({ sort: 'name', isHalted: true })[0]!, /^services by name, halted /);
  });
});
