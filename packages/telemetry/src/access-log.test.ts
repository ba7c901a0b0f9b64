import assert from 'node:assert/strict';
import type { RpcError } from '@org/rpc';
import { type Rig, startRig } from '../test/rig.js';
import { accessLog, type CallLine, slowCalls } from './access-log.js';

let rig: Rig;

describe('accessLog', () => {
  before(async () => {
    rig = await startRig();
  });

  after(() => rig.close());

  it('writes a line for each call on either side', async () => {
    const lines: CallLine[] = [];
    const log = accessLog({ write: (line) => lines.push(line) });
    await rig.things.echo(1);
    await assert.rejects(rig.things.fail('NOT_FOUND'));
    await rig.settled();
    log.close();
    await rig.things.echo(1);
    const of = (side: string) =>
      lines.filter((line) => line.side === side).map(({ method, code, attempts }) => [method, code, attempts]);
    assert.deepEqual(of('client'), [
      ['echo', 'OK', 1],
      ['fail', 'NOT_FOUND', 1],
    ]);
    assert.deepEqual(of('server'), [
      ['echo', 'OK', undefined],
      ['fail', 'NOT_FOUND', undefined],
    ]);
    const failed = lines.find(({ side, code }) => side === 'client' && code === 'NOT_FOUND')!;
    assert.match(failed.error!, /as asked/);
    assert.equal(failed.endpoint, `127.0.0.1:${rig.port}`);
  });

  it('says what was at fault when a call had no time left', async () => {
    const lines: CallLine[] = [];
    const log = accessLog({ write: (line) => lines.push(line), side: 'client' });
    const error = await rig.things.late().catch((thrown: RpcError) => thrown);
    await rig.settled();
    log.close();
    assert.equal(lines[0]?.culprit, (error as RpcError).spent?.culprit);
    assert.match(lines[0]!.error!, /at fault: /);
  });

  it('writes a share of what went well, and all that failed', async () => {
    const lines: CallLine[] = [];
    let turn = 0;
    const random = () => (turn++ % 4) / 4;
    const log = accessLog({ write: (line) => lines.push(line), side: 'client', sample: 0.25, random });
    for (let i = 0; i < 8; i++) await rig.things.echo(i);
    for (let i = 0; i < 3; i++) await assert.rejects(rig.things.fail('NOT_FOUND'));
    log.close();
    assert.deepEqual([lines.filter(({ code }) => code === 'OK').length, lines.length], [2, 5]);
  });

  it('writes slow calls alone', async () => {
    const lines: CallLine[] = [];
    const slow = slowCalls({
      thresholdMs: (call) => (call.method === 'echo' ? 0 : 1e9),
      write: (line) => lines.push(line),
    });
    await rig.things.echo(1);
    await assert.rejects(rig.things.fail('NOT_FOUND'));
    await rig.settled();
    slow.close();
    assert.deepEqual(lines.map(({ side, method }) => `${side} ${method}`).sort(), ['client echo', 'server echo']);
  });

  it('says which option is wrong', () => {
    const write = () => {};
    assert.throws(() => accessLog({} as never), /accessLog: write must be a function/);
    assert.throws(
      () => accessLog({ write, side: 'left' as never }),
      /side must be 'client', 'server' or 'both', not left/,
    );
    assert.throws(() => accessLog({ write, sample: 2 }), /sample must be 0 to 1, not 2/);
    assert.throws(() => accessLog({ write, slowerThanMs: -1 }), /slowerThanMs must be 0 or more, not -1/);
    assert.throws(() => slowCalls({ thresholdMs: Number.NaN, write }), /thresholdMs must be 0 or more, or a function/);
  });
});
