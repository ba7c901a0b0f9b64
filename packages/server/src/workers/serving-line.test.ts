import assert from 'node:assert/strict';
import { servingLine } from './serving-line.js';

describe('the line that says what serves', () => {
  const address = { host: '127.0.0.1', port: 4555 };

  it('has services, address and processes', () => {
    assert.equal(
      servingLine({ services: ['calc', 'rpc.health', 'users'], address, pids: [12, 13] }),
      '2 workers serve calc, users at 127.0.0.1:4555 (processes 12, 13)',
    );
    assert.equal(
      servingLine({ services: [], address: { host: '::1', port: 4555 }, pids: [12] }),
      '1 worker serves no service at [::1]:4555 (process 12)',
    );
  });

  it('stays one line of many', () => {
    const pids = Array.from({ length: 256 }, (_, index) => index);
    const services = pids.map((index) => `s${index}`);
    assert.equal(
      servingLine({ services, address, pids }),
      '256 workers serve s0, s1, s2, s3, s4, s5, s6, s7 and 248 more at 127.0.0.1:4555 (processes 0, 1, 2, 3, 4, 5, 6, 7 and 248 more)',
    );
  });
});
