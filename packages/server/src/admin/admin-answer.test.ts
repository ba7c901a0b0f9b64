import assert from 'node:assert/strict';
import { get } from 'node:http';
import { defineService, method, type RpcError } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { connect } from '@org/rpc-testkit';
import { createServer } from '../face/server.js';
import type { Server } from '../face/server-types.js';
import { type AdminRequest, answerAdmin } from './admin-answer.js';
import { type AdminOptions, resolveAdmin } from './admin-options.js';

const Shop = defineService('shop', { buy: method<(what: string) => string>() });
const TOKEN = 'a-token-of-operators';

function shop(admin?: AdminOptions): Server {
  return createServer({ registry: memory(), admin }).add(Shop, {
    buy: (what) => {
      if (what === '') throw new Error('nothing to buy');
      return what;
    },
  });
}

/** Asks the port of a server that is not there over HTTP. */
function asking(server: Server, options: AdminOptions = { port: 0 }) {
  const drained: true[] = [];
  const host = { state: () => server.state(), drain: () => void drained.push(true) };
  const admin = resolveAdmin('f', options)!;
  const ask = (path: string, request: Partial<AdminRequest> = {}) =>
    answerAdmin({ method: 'GET', path, body: '', headers: { host: 'localhost:1' }, ...request }, admin, host);
  return { ask, drained };
}

describe('the admin port', () => {
  it('says that the process lives, and whether it is ready, whatever the registry does', async () => {
    const server = shop();
    const { ask } = asking(server);
    assert.deepEqual(await ask('/livez'), { status: 200, type: 'text/plain', body: 'ok\n' });
    assert.deepEqual(await ask('/readyz'), { status: 503, type: 'text/plain', body: 'it does not listen yet\n' });
    await server.listen();
    assert.equal((await ask('/readyz')).status, 200);
    server.health('shop', 'not-serving');
    assert.deepEqual(await ask('/readyz'), { status: 503, type: 'text/plain', body: 'not serving: shop\n' });
    server.health('shop', 'serving');
    await server.close();
    assert.deepEqual([(await ask('/livez')).status, (await ask('/readyz')).status], [200, 503]);
  });

  it('shows the state, and counts calls by how they ended', async () => {
    const server = shop();
    const client = connect(server);
    server.on('handlerError', () => {});
    assert.equal(await client.service(Shop).buy('shoes'), 'shoes');
    await client
      .service(Shop)
      .buy('')
      .catch((error: RpcError) => error);
    await client.service(Shop).buy('hats');
    const { ask } = asking(server);
    const state = JSON.parse((await ask('/state')).body);
    const calls = { running: 0, waiting: 0, succeeded: 2, late: 0, failed: 1, refused: 0, dropped: 0, builtIn: 0 };
    assert.deepEqual(state.calls, calls);
    const { body } = await ask('/metrics');
    assert.match(body, /^# HELP rpc_server_calls_total .*\n# TYPE rpc_server_calls_total counter\n/);
    assert.match(body, /\nrpc_server_calls_total\{outcome="failed"\} 1\n/);
    assert.match(body, /\nrpc_server_one_way_dropped_total 0\n/);
    assert.match(body, /\nrpc_server_service_serving\{service="shop"\} 1\n$/);
    await client.close();
    await server.close({ drainMs: 0 });
  });

  it('appends the metrics of the program, and says when these fail', async () => {
    const { ask } = asking(shop(), { port: 0, metrics: async () => 'own 1\n' });
    assert.match((await ask('/metrics')).body, /\nown 1\n$/);
    const failing = asking(shop(), {
      port: 0,
      metrics: () => {
        throw new Error('no metrics');
      },
    });
    assert.deepEqual(await failing.ask('/metrics'), {
      status: 500,
      type: 'text/plain',
      body: 'it failed: no metrics\n',
    });
  });

  it('drains when it is told to by POST, and by nothing else', async () => {
    const { ask, drained } = asking(shop());
    const other = await ask('/drain');
    assert.deepEqual([other.status, other.allow, drained.length], [405, 'POST', 0]);
    assert.deepEqual([(await ask('/drain', { method: 'POST' })).status, drained.length], [202, 1]);
  });

  it('sets the level of the program’s logger', async () => {
    let level = 'info';
    const logLevel = {
      get: () => level,
      set: (next: string) => {
        level = next;
      },
    };
    const { ask } = asking(shop(), { port: 0, logLevel });
    assert.equal((await ask('/log-level')).body, 'info\n');
    assert.equal((await ask('/log-level', { method: 'PUT', body: 'debug\n' })).body, 'debug\n');
    assert.equal((await ask('/log-level', { method: 'PUT', body: 'a b' })).status, 400);
    assert.equal(level, 'debug');
    assert.equal((await asking(shop()).ask('/log-level')).status, 404);
  });

  it('is not there for web pages, which reach loopback addresses too', async () => {
    const { ask, drained } = asking(shop());
    for (const headers of [
      { host: 'localhost', origin: 'https://evil.example' },
      { host: 'localhost', 'sec-fetch-site': 'cross-site' },
      { host: 'evil.example:9090' },
      {},
    ])
      assert.equal((await ask('/drain', { method: 'POST', headers })).status, 403);
    assert.equal(drained.length, 0);
    for (const host of ['localhost:9090', '127.0.0.1:9090', '[::1]:9090'])
      assert.equal((await ask('/state', { headers: { host } })).status, 200);
  });

  it('wants the token when it has one, but for probes', async () => {
    const { ask } = asking(shop(), { port: 0, host: '0.0.0.0', token: TOKEN });
    const statusWith = async (path: string, authorization?: string) =>
      (await ask(path, { headers: { host: '10.0.0.7:9090', authorization } })).status;
    assert.deepEqual(
      [
        await statusWith('/state'),
        await statusWith('/state', 'Bearer wrong'),
        await statusWith('/state', TOKEN),
        await statusWith('/state', `Bearer ${TOKEN}`),
        await statusWith('/livez'),
        await statusWith('/readyz'),
      ],
      [401, 401, 401, 200, 200, 503],
    );
  });

  it('names what there is', async () => {
    const { ask } = asking(shop());
    for (const path of ['/', '/constructor', '/__proto__'])
      assert.deepEqual(await ask(path), {
        status: 404,
        type: 'text/plain',
        body: 'there is /livez, /readyz, /metrics, /state, /drain, /log-level\n',
      });
  });
});

describe('the option admin', () => {
  it('names what is wrong with it, and never the token', () => {
    for (const [options, message] of [
      [{ port: -1 }, /admin\.port/],
      [{ port: 1, host: 'localhost' }, /admin\.host must be an address/],
      [{ port: 1, host: '0.0.0.0' }, /admin\.host 0\.0\.0\.0 can be reached by others, which needs admin\.token/],
      [{ port: 1, token: 'short' }, /admin\.token must be text of 16 or more printable characters without spaces$/],
      [{ port: 1, metrics: 'm' }, /admin\.metrics must be a function/],
      [{ port: 1, logLevel: {} }, /admin\.logLevel/],
      [{ prt: 1 }, /unknown option "prt"/],
    ] as const)
      assert.throws(() => resolveAdmin('createServer', options as never), { name: 'TypeError', message });
  });
});

describe('the admin port over HTTP', () => {
  const ask = (port: number, path: string): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text) => (body += text));
        response.on('end', () => resolve({ status: response.statusCode!, body }));
      }).on('error', reject);
    });

  it('answers from listen to the end of the drain', async () => {
    const server = shop({ port: 0 });
    await server.listen();
    const { port } = server.state().admin!;
    assert.deepEqual(await ask(port, '/readyz?verbose'), { status: 200, body: 'ok\n' });
    const state = JSON.parse((await ask(port, '/state')).body);
    assert.deepEqual([state.instance, state.status, state.admin.port], [server.instance, 'serving', port]);
    await server.close();
    await assert.rejects(ask(port, '/livez'));
  });

  it('fails the start where its port is taken, in words', async () => {
    await using one = shop({ port: 0 });
    await one.listen();
    const { port } = one.state().admin!;
    const message = `cannot listen on 127.0.0.1:${port} (admin.port): EADDRINUSE`;
    const other = shop({ port });
    await assert.rejects(other.listen(), { message });
    assert.equal(other.state().status, 'closed');
  });
});
