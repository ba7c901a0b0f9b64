import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { linkSignals } from './cancel.js';

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

describe('linkSignals', () => {
  for (const which of [0, 1]) {
    it(`aborts with the ${which === 0 ? 'first' : 'second'}, and with its reason`, () => {
      const parents = [new AbortController(), new AbortController()] as const;
      const { signal } = linkSignals(parents[0].signal, parents[1].signal);
      assert.equal(signal.aborted, false);
      parents[which]!.abort('why');
      parents[1 - which]!.abort('too late');
      assert.equal(signal.reason, 'why');
    });

    it(`is aborted from the start when the ${which === 0 ? 'first' : 'second'} is, and listens to nothing`, () => {
      const parents = [new AbortController(), new AbortController()] as const;
      parents[which]!.abort('before');
      const { signal } = linkSignals(parents[0].signal, parents[1].signal);
      assert.equal(signal.reason, 'before');
      assert.equal(listeners(parents[0].signal) + listeners(parents[1].signal), 0);
    });
  }

  it('leaves no listener on either signal once it is unlinked', () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const linked = linkSignals(first.signal, second.signal);
    assert.equal(listeners(first.signal) + listeners(second.signal), 2);
    linked.unlink();
    assert.equal(listeners(first.signal) + listeners(second.signal), 0);
    first.abort();
    assert.equal(linked.signal.aborted, false);
  });
});
