import assert from 'node:assert/strict';
import { DEFAULT_LIMITS, type Limits, resolveLimits } from './limits.js';

const refuses = (limits: object, message: RegExp): void =>
  assert.throws(() => resolveLimits('createServer', limits as Partial<Limits>), { name: 'TypeError', message });

describe('resolveLimits', () => {
  it('gives the defaults, which nobody can change', () => {
    assert.equal(resolveLimits('createServer', undefined), DEFAULT_LIMITS);
    assert.equal(Object.isFrozen(DEFAULT_LIMITS), true);
  });

  it('fills in what was left out or undefined', () => {
    const limits = resolveLimits('createServer', { pings: 5, cancels: undefined as never });
    assert.deepEqual(limits, { ...DEFAULT_LIMITS, pings: 5 });
  });

  it('refuses a limit that does not exist, by its name', () => refuses({ pigns: 5 }, /createServer: limits.*pigns/));

  it('refuses a limit that is no positive whole number', () => {
    for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null])
      refuses({ pings: value }, /createServer: limits: pings must be/);
  });

  it('refuses more than the wire can say', () => {
    refuses({ metadataBytes: 65_536 }, /metadataBytes.*65.?535/);
    refuses({ callsInFlight: 65_536 }, /callsInFlight.*65.?535/);
    refuses({ messageDepth: 1_025 }, /messageDepth.*1.?024/);
    refuses({ messageBytes: 2 ** 31 }, /messageBytes/);
  });

  it('refuses less credit than every peer has from the start', () => {
    refuses({ streamCreditBytes: 65_535 }, /streamCreditBytes.*65.?536/);
    refuses({ pieceCreditBytes: 65_535 }, /pieceCreditBytes.*65.?536/);
    refuses({ connectionCreditBytes: 1_048_575 }, /connectionCreditBytes.*1.?048.?576/);
  });

  it('refuses messages so small that a greeting does not fit', () => {
    refuses({ messageBytes: 1_023 }, /messageBytes.*1.?024/);
    assert.equal(resolveLimits('createServer', { messageBytes: 1_024 }).messageBytes, 1_024);
  });
});
