import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { RequestFlag } from '../../frames/frame.js';
import { HeldMemory } from '../channel/held-memory.js';
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
  it('of all connections of a server have a bound together, beyond which one that holds more than its share gets no more', () => {
    const memory = new HeldMemory(1024 * 1024);
    for (let each = 0; each < 8; each++) memory.opened();
    const greedy = new RunningCalls<typeof ENTRY>(DEFAULT_LIMITS, memory);
    const modest = new RunningCalls<typeof ENTRY>(DEFAULT_LIMITS, memory);
    const call = aCall(1, 900_000);
    greedy.add(call);
    greedy.arrives(2, 140_000);
    assert.equal(greedy.grew(2, 140_000), undefined);
    const refusal = greedy.refusal(10_000);
    assert.deepEqual([refusal?.code, refusal?.progress], ['RESOURCE_EXHAUSTED', 'refused']);
    assert.match(refusal!.message, /limits\.heldBytes/);
    assert.equal(modest.refusal(100_000), undefined);
    assert.equal(modest.refusal(140_000)?.code, 'RESOURCE_EXHAUSTED');
    assert.equal(greedy.charge(call, 10_000)?.code, 'RESOURCE_EXHAUSTED');
    greedy.remove(call);
    greedy.nothingArrives();
    greedy.arrived(2);
    assert.equal(memory.bytes, 0);
    assert.equal(modest.refusal(1_000_000), undefined);
  });

  it('of all connections use of what they may hold together what has come of a request, and not what was announced', () => {
    const memory = new HeldMemory(1024 * 1024);
    for (let each = 0; each < 2; each++) memory.opened();
    const greedy = new RunningCalls<typeof ENTRY>(DEFAULT_LIMITS, memory);
    const modest = new RunningCalls<typeof ENTRY>(DEFAULT_LIMITS, memory);
    greedy.arrives(1, 1_000_000);
    greedy.arrives(2, 1_000_000);
    assert.equal(greedy.grew(1, 1), undefined);
    assert.ok(memory.bytes < 5_000, `${memory.bytes}`);
    assert.equal(modest.refusal(1_000_000), undefined);
    assert.equal(greedy.grew(1, 520_000), undefined);
    const refusal = greedy.grew(2, 600_000);
    assert.deepEqual([refusal?.code, refusal?.progress], ['RESOURCE_EXHAUSTED', 'refused']);
    assert.equal(greedy.grew(2, 1), undefined);
    assert.ok(memory.bytes < 530_000, `${memory.bytes}`);
    greedy.nothingArrives();
    assert.equal(memory.bytes, 0);
  });

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

  it('leave room for what is decoded as well, and give it back with the call', () => {
    const calls = running();
    const first = aCall(1, 10);
    assert.equal(calls.charge(first, 50), undefined);
    calls.add(first);
    const second = aCall(2, 10);
    assert.equal(calls.charge(second, 30), undefined);
    const third = aCall(3, 10);
    const refusal = calls.charge(third, 31);
    assert.deepEqual([refusal?.code, refusal?.progress], ['RESOURCE_EXHAUSTED', 'refused']);
    assert.match(refusal!.reason, /take more than 100 bytes when decoded \(limits\.inFlightRequestBytes\)/);
    calls.remove(first);
    assert.equal(calls.charge(third, 90), undefined);
  });

  it('count what is decoded after a call was put in, for its authorization, and leave nothing behind', () => {
    const calls = running();
    const call = aCall(1, 10);
    calls.add(call);
    assert.equal(calls.charge(call, 50), undefined);
    calls.add(call);
    assert.equal(calls.refusal(40), undefined);
    assert.notEqual(calls.refusal(41), undefined);
    calls.remove(call);
    assert.equal(calls.refusal(100), undefined);
  });

  it('let a call run that is alone, whatever it takes when decoded, and refuse those beside it', () => {
    const calls = running();
    const call = aCall(1, 10);
    assert.equal(calls.charge(call, 500), undefined);
    calls.add(call);
    assert.notEqual(calls.refusal(1), undefined);
    calls.remove(call);
    assert.equal(calls.refusal(100), undefined);
  });

  it('refuse what is too many or too large by one error that has no stack, for a flood gets thousands', () => {
    const calls = running();
    const [large, again] = [calls.refusal(101), calls.refusal(102)];
    for (let id = 1; id <= 3; id++) calls.add(aCall(id, 10));
    const [many, more] = [calls.refusal(1), calls.refusal(1)];
    assert.match(String(large), /exceed 100 bytes/);
    assert.match(String(many), /3 calls of this connection are running/);
    for (const [one, other] of [
      [large, again],
      [many, more],
    ]) {
      assert.equal(one, other);
      assert.doesNotMatch(one?.stack ?? '', /\n\s+at /);
    }
  });
});
