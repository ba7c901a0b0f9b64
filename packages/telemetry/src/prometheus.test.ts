import assert from 'node:assert/strict';
import { createClient, defineService, memory, notify, type RpcError } from '@org/rpc';
import { Registry } from 'prom-client';
import { type Rig, startRig } from '../test/rig.js';
import { prometheus } from './prometheus.js';

let rig: Rig;

/** The values that Prometheus would read, by series, without buckets. */
async function series(register: Registry): Promise<Record<string, number>> {
  const lines = (await register.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const read = lines.map((line) => /^(.*) ([^ ]+)$/.exec(line)!);
  return Object.fromEntries(read.map(([, name, value]) => [name!, Number(value)]));
}

describe('prometheus', () => {
  before(async () => {
    rig = await startRig();
  });

  after(() => rig.close());

  it('counts what happened, on both sides and by endpoint', async () => {
    const register = new Registry();
    const watching = prometheus({ register });
    for (let i = 0; i < 5; i++) await rig.things.echo(i);
    await assert.rejects(rig.things.fail('NOT_FOUND'));
    rig.failures = 2;
    await rig.things.flaky();
    for await (const _ of rig.things.traceIds(4)) void 0;
    await rig.settled();
    const read = await series(register);
    const duration = (side: string, method: string, code: string) =>
      read[`rpc_${side}_call_duration_seconds_count{rpc_method="things/${method}",rpc_status_code="${code}"}`];
    assert.deepEqual(
      [duration('client', 'echo', 'OK'), duration('client', 'fail', 'NOT_FOUND'), duration('client', 'flaky', 'OK')],
      [5, 1, 1],
    );
    assert.deepEqual(
      [duration('server', 'echo', 'OK'), duration('server', 'flaky', 'UNAVAILABLE'), duration('server', 'flaky', 'OK')],
      [5, 2, 1],
    );
    assert.equal(duration('client', 'traceIds', 'OK'), 1);
    const attempts = (code: string) =>
      read[
        `rpc_client_attempts_total{rpc_service="things",server_endpoint="127.0.0.1:${rig.port}",rpc_status_code="${code}"}`
      ];
    assert.deepEqual([attempts('OK'), attempts('UNAVAILABLE'), attempts('NOT_FOUND')], [7, 2, 1]);
    assert.equal(read['rpc_events_total{side="client",event="retried"}'], 2);
    assert.equal(read['rpc_client_calls_active{rpc_method="things/echo"}'], 0);
    watching.close();
  });

  it('counts what was at fault when a call had no time left', async () => {
    const register = new Registry();
    const watching = prometheus({ register });
    await rig.things.late().catch(() => {});
    await rig.settled();
    const counted = Object.entries(await series(register)).filter(([each]) => each.startsWith('rpc_client_culprits'));
    assert.deepEqual(
      counted.map(([, count]) => count),
      [1],
    );
    watching.close();
  });

  it('counts the service that a handler has waited for', async () => {
    const register = new Registry();
    const watching = prometheus({ register });
    const { spent } = (await rig.things.lateBelow().catch((error: unknown) => error)) as RpcError;
    await rig.settled();
    const read = await series(register);
    // On a busy machine it may have been something else.
    const below = spent!.culprit === 'downstream' ? ',downstream="things"' : '';
    const name = `rpc_client_culprits_total{rpc_service="things",culprit="${spent!.culprit}"${below}}`;
    assert.ok(read[name]! >= 1, Object.keys(read).join('\n'));
    watching.close();
  });

  it('looks at clients and servers when it is asked', async () => {
    const register = new Registry();
    const watching = prometheus({ register, clients: [rig.client], servers: [rig.server] });
    const read = await series(register);
    assert.equal(read['rpc_client_endpoints{rpc_service="things",connection="ready"}'], 1);
    assert.equal(read['rpc_client_registry_age_seconds{rpc_service="things"}'], 0);
    assert.ok(read['rpc_server_connections']! >= 1);
    assert.deepEqual([read['rpc_server_calls{state="running"}'], read['rpc_server_calls{state="waiting"}']], [0, 0]);
    assert.equal(read[`rpc_server_registered{instance="${rig.server.instance}"}`], 1);
    watching.close();
  });

  it('counts what dark rules of servers would have done, and nothing of those that are on', async () => {
    const register = new Registry();
    const policies = { overload: { mode: 'dark', wouldApply: 4 }, serverRateLimit: { mode: 'on', wouldApply: 0 } };
    const state = () => ({ ...rig.server.state(), rules: { things: { version: 1, rejected: undefined, policies } } });
    const watching = prometheus({ register, servers: [{ ...rig.server, state } as unknown as Rig['server']] });
    const counted = Object.entries(await series(register)).filter(([each]) => each.includes('rules_would_apply'));
    assert.deepEqual(counted, [['rpc_server_rules_would_apply_total{rpc_service="things",policy="overload"}', 4]]);
    watching.close();
  });

  it('counts one-way calls that wait to be sent later', async () => {
    const register = new Registry();
    const Notes = defineService('notes', { note: notify<(text: string) => void>() });
    const lone = createClient({ registry: memory(), retryLater: true });
    const watching = prometheus({ register, clients: [lone] });
    // Its time is over before anything is known of the service.
    await lone.service(Notes).with({ timeoutMs: 20 }).note('x');
    const read = await series(register);
    const name = 'rpc_client_kept_calls';
    assert.deepEqual(
      [name, `${name}_sent_total`, `${name}_dropped_total`].map((each) => read[`${each}{rpc_service="notes"}`]),
      [1, 0, 0],
    );
    watching.close();
    await lone.close();
  });

  it('bounds its series', async () => {
    const register = new Registry();
    const watching = prometheus({ register, methods: 1 });
    await rig.things.echo(1);
    await assert.rejects(rig.things.fail('NOT_FOUND'));
    await assert.rejects(rig.things.fail('ABORTED'));
    const names = Object.keys(await series(register)).flatMap((name) => /rpc_method="([^"]*)"/.exec(name)?.[1] ?? []);
    assert.deepEqual([...new Set(names)].sort(), ['_OTHER', 'things/echo']);
    watching.close();
  });

  it('takes its metrics away when it is closed, and leaves those of others', async () => {
    const register = new Registry();
    const first = prometheus({ register });
    assert.throws(() => prometheus({ register }), /already been registered/);
    first.close();
    first.close();
    assert.deepEqual(await series(register), {});
    const second = prometheus({ register });
    first.close();
    await rig.things.echo(1);
    assert.ok(Object.keys(await series(register)).length > 0);
    second.close();
  });

  it('says which option is wrong', () => {
    assert.throws(() => prometheus({ register: new Registry(), methods: 1.5 }), /methods must be a whole number/);
  });
});
