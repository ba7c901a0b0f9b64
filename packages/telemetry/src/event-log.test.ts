import assert from 'node:assert/strict';
import { type Rig, startRig } from '../test/rig.js';
import { eventLog, type LogLevel, type StructuredLogger } from './event-log.js';

let rig: Rig;

/** A logger that records what it gets, as `level: event`. */
function remembering(): { logger: StructuredLogger; lines: string[]; fields: object[] } {
  const lines: string[] = [];
  const fields: object[] = [];
  const write = (level: string) => (given: object, message: string) => {
    fields.push(given);
    lines.push(`${level}: ${message}`);
  };
  const logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  return { logger, lines, fields };
}

describe('eventLog', () => {
  before(async () => {
    rig = await startRig();
  });

  after(() => rig.close());

  it('writes events at their level, from a level on that may be changed at any time', async () => {
    const { logger, lines, fields } = remembering();
    const log = eventLog({ logger });
    const retry = async (): Promise<void> => {
      rig.failures = 1;
      await rig.things.flaky();
    };
    await retry();
    assert.deepEqual(lines, []);
    log.level = 'debug';
    await retry();
    assert.deepEqual(lines, ['debug: rpc client: retried']);
    assert.equal((fields[0] as { method: string }).method, 'flaky');
    log.level = 'warn';
    await assert.rejects(rig.things.fail('bug'));
    await rig.settled();
    assert.deepEqual(lines.slice(1), ['error: rpc server: handlerError']);
    assert.match(String((fields[1] as { err: unknown }).err), /a bug/);
    log.level = 'silent';
    await assert.rejects(rig.things.fail('bug'));
    assert.equal(lines.length, 2);
    log.close();
    log.level = 'debug';
    await retry();
    assert.equal(lines.length, 2);
  });

  it('says which option is wrong', () => {
    const { logger } = remembering();
    assert.throws(() => eventLog({ logger: {} as never }), /logger must have the method debug/);
    assert.throws(() => eventLog({ logger, level: 'loud' as LogLevel }), /level must be one of debug, info, warn/);
  });
});
