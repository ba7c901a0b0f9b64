import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '../limits.js';
import { RequestFlag } from '../protocol/frame.js';
import { IncomingCall, type IncomingPort } from './incoming-call.js';
import { RunningCalls } from './running-calls.js';

const ENTRY = { service: 'test', method: 'echo' };
const PORT = {} as IncomingPort;

function aCall(id: number, requestBytes: number): IncomingCall {
  const flags = id === 0 ? RequestFlag.ONE_WAY : 0;
  const call = new IncomingCall(PORT, ENTRY, id, Number.POSITIVE_INFINITY, flags, 0, 128);
  call.requestBytes = requestBytes;
  return call;
}

const running = (): RunningCalls<typeof ENTRY> =>
  new RunningCalls({ ...DEFAULT_LIMITS, callsInFlight: 3, inFlightRequestBytes: 100 });

describe('the running calls', () => {
  it('are found by their ids until they are taken out', () => {
    const calls = running();
    const call = aCall(5, 10);
    calls.add(call);
    assert.equal(calls.get(5), call);
    assert.deepEqual([...calls.values()], [call]);
    calls.remove(call);
    calls.remove(call);
    assert.equal(calls.get(5), undefined);
    assert.equal(calls.size, 0);
  });

  it('count one-way calls too, of which many have the id 0', () => {
    const calls = running();
    const oneWay = [aCall(0, 1), aCall(0, 1)];
    for (const call of [...oneWay, aCall(1, 1)]) calls.add(call);
    assert.equal(calls.size, 3);
    assert.equal(calls.get(0), undefined);
    const refusal = calls.refusal(0);
    assert.deepEqual([refusal?.code, refusal?.progress], ['RESOURCE_EXHAUSTED', 'refused']);
    assert.match(refusal!.reason, /^3 calls of this connection are running \(limits\.callsInFlight\)$/);
    calls.remove(oneWay[0]!);
    assert.equal(calls.refusal(0), undefined);
  });

  it('leave room for so many bytes of requests, to the byte', () => {
    const calls = running();
    const call = aCall(1, 60);
    calls.add(call);
    assert.equal(calls.refusal(40), undefined);
    const refusal = calls.refusal(41);
    assert.equal(refusal?.progress, 'refused');
    assert.match(refusal!.reason, /exceed 100 bytes \(limits\.inFlightRequestBytes\)/);
    calls.remove(call);
    assert.equal(calls.refusal(100), undefined);
  });

  it('count the bytes of a call once, also when it is put in twice', () => {
    const calls = running();
    for (const call of [aCall(1, 60), aCall(0, 40)]) {
      calls.add(call);
      calls.add(call);
      calls.remove(call);
    }
    assert.equal(calls.refusal(100), undefined);
  });
});
