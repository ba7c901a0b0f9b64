import assert from 'node:assert/strict';
import { createClient, createServer, memory } from '@org/rpc';
import { prometheus } from '@org/rpc-telemetry';
import { Registry } from 'prom-client';
import { alertQueries, dashboardQueries } from './queries.js';

describe('the dashboard and the alert rules', () => {
  it('ask for metrics that there are', async () => {
    const register = new Registry();
    const client = createClient({ registry: memory() });
    const made = prometheus({ register, clients: [client], servers: [createServer({ registry: memory() })] });
    const names = (await register.metrics()).split('\n').flatMap((line) => /^# TYPE (\S+) /.exec(line)?.[1] ?? []);
    made.close();
    await client.close();
    const queries = [...dashboardQueries(), ...alertQueries()];
    assert.ok(queries.length > 20);
    const asked = queries.flatMap(({ where, expr }) =>
      [...expr.matchAll(/\brpc_[a-z_]+(?=[{[)\s]|$)/g)]
        .map(([name]) => name)
        .filter((name) => !/^rpc_(method|service|status_code)$/.test(name))
        .map((name) => ({ where, name: name.replace(/_(bucket|count|sum)$/, '') })),
    );
    assert.ok(asked.length > 25);
    assert.deepEqual(
      asked.filter(({ name }) => !names.includes(name)),
      [],
    );
    // And of the metrics there is none that nobody looks at.
    assert.deepEqual(
      names.filter((name) => !asked.some((one) => one.name === name)),
      [],
    );
  });
});
