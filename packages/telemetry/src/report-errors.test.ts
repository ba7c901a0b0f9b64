import assert from 'node:assert/strict';
import { type Rig, startRig } from '../test/rig.js';
import { type ErrorContext, reportErrors } from './report-errors.js';

let rig: Rig;

describe('reportErrors', () => {
  before(async () => {
    rig = await startRig();
  });

  after(() => rig.close());

  it('passes on what handlers throw, with where it comes from, and not what callers are told', async () => {
    const reported: [unknown, ErrorContext][] = [];
    const reporting = reportErrors({ report: (error, context) => reported.push([error, context]) });
    await assert.rejects(rig.things.fail('NOT_FOUND'));
    const told = await rig.things.fail('bug').catch((error: Error) => error);
    await rig.settled();
    reporting.close();
    await assert.rejects(rig.things.fail('bug'));
    assert.equal(reported.length, 1);
    const [error, context] = reported[0]!;
    assert.match(String(error), /a bug/);
    const { instance } = rig.server;
    const { correlationId } = context;
    assert.deepEqual(context, { service: 'things', method: 'fail', correlationId, instance, suppressed: 0 });
    assert.ok((told as Error).message.includes(correlationId));
  });

  it('reports so many in a minute, and says how many it did not', async () => {
    let now = 0;
    const suppressed: number[] = [];
    const reporting = reportErrors({
      report: (_, context) => suppressed.push(context.suppressed),
      perMinute: 2,
      clock: { now: () => now },
    });
    for (let i = 0; i < 5; i++) await assert.rejects(rig.things.fail('bug'));
    await rig.settled();
    assert.deepEqual(suppressed, [0, 0]);
    now = 60_000;
    await assert.rejects(rig.things.fail('bug'));
    await rig.settled();
    assert.deepEqual(suppressed, [0, 0, 3]);
    reporting.close();
  });

  it('says which option is wrong', () => {
    assert.throws(() => reportErrors({} as never), /report must be a function/);
    assert.throws(() => reportErrors({ report: () => {}, perMinute: 0 }), /perMinute must be a whole number of 1/);
  });
});
