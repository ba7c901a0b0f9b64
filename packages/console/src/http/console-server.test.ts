import assert from 'node:assert/strict';
import { request } from 'node:http';
import { fleetRig, Shop, until } from '../../test/fleet-rig.js';
import type { FleetView } from '../fleet/fleet-view.js';
import { serveConsole } from './console-server.js';

const TOKEN = 'sixteen-or-more-letters';

/** An answer of the console. */
interface Answer {
  readonly problem?: string;
  readonly error?: string;
  readonly version?: number;
  readonly result?: string;
  readonly instance?: string;
  readonly code?: string;
  readonly changes?: unknown;
  readonly rows?: readonly { policy: string; affected: number }[];
  readonly history?: readonly { version: number; summary: string; set?: string }[];
  readonly text?: string;
  readonly methods?: readonly { name: string }[];
}

async function consoleRig(options: { token?: string } = { token: TOKEN }) {
  const rig = fleetRig();
  const server = await rig.serve({ name: 'one', zone: 'a' });
  await until(() => rig.fleet.isSettled && rig.fleet.instances.size === 1);
  const served = await serveConsole(rig.fleet, { port: 0, ...options });
  const ask = async (path: string, body?: unknown, token = TOKEN) => {
    const response = await fetch(new URL(path, served.url), {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: response.status, value: (await response.json()) as Answer };
  };
  return {
    ...rig,
    server,
    served,
    ask,
    async [Symbol.asyncDispose]() {
      await served.close();
      await rig[Symbol.asyncDispose]();
    },
  };
}

describe('the console over HTTP', () => {
  it('serves the page under a policy that runs nothing else, and nothing to other pages', async () => {
    await using rig = await consoleRig();
    for (const path of ['/', '/console.js', '/console.css']) {
      const response = await fetch(new URL(path, rig.served.url));
      assert.equal(response.status, 200);
      const policy = response.headers.get('content-security-policy')!;
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
      assert.doesNotMatch(policy, /unsafe|https?:|\*/);
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    }
    const page = await (await fetch(rig.served.url)).text();
    assert.doesNotMatch(page, /<script>|\son\w+=|https?:\/\//);
    const rebound = await new Promise<number>((resolve) => {
      const { port } = new URL(rig.served.url);
      request({ port, path: '/api/live', headers: { host: 'evil.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      }).end();
    });
    assert.equal(rebound, 403);
    assert.equal((await rig.ask('/api/nothing')).status, 404);
    assert.equal((await rig.ask('/__proto__')).status, 404);
    assert.equal((await rig.ask('/api/drain')).status, 405);
  });

  it('tells what it sees as it happens, until it is closed', async () => {
    await using rig = await consoleRig();
    const response = await fetch(new URL('/api/live', rig.served.url));
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes('\n\n')) break;
    }
    const view = JSON.parse(text.slice('data: '.length, text.indexOf('\n\n'))) as FleetView;
    assert.deepEqual(
      view.instances.map(({ id, report }) => [id, report]),
      [['one', 'answered']],
    );
  });

  it('checks rules, says what they would mean, sets them, and takes them back', async () => {
    await using rig = await consoleRig();
    const shop = rig.client.service(Shop);
    for (let n = 0; n < 30; n++) await shop.find('tea');
    await until(
      () => rig.fleet.traffic.pairs(rig.fleet.second, 60).reduce((sum, { flow }) => sum + flow.calls, 0) === 30,
    );
    const wrong = await rig.ask('/api/preview', {
      service: 'shop',
      text: '{"schemaVersion":1,"timeout":{"mode":"onn"}}',
    });
    assert.match(wrong.value.problem!, /^the document: timeout\.mode must be/);
    const text = JSON.stringify({
      schemaVersion: 1,
      switch: { mode: 'on', methods: { find: { enabled: false, message: 'closed' } } },
    });
    const preview = await rig.ask('/api/preview', { service: 'shop', text });
    assert.deepEqual(
      preview.value.rows!.map(({ policy, affected }) => [policy, affected]),
      [['switch', 30]],
    );
    assert.equal((await rig.ask('/api/rules/set', { service: 'shop', text, expectedVersion: 0 })).value.version, 1);
    await until(() =>
      shop.find('tea').then(
        () => false,
        (error: Error) => /closed/.test(error.message),
      ),
    );
    const again = await rig.ask('/api/rules/set', { service: 'shop', text: '{"schemaVersion":1}', expectedVersion: 0 });
    assert.equal(again.status, 409);
    await rig.ask('/api/rules/set', { service: 'shop', text: '{"schemaVersion":1}', expectedVersion: 1 });
    const { value } = await rig.ask('/api/rules?service=shop');
    assert.deepEqual(
      value.history!.map(({ version, summary }) => [version, summary]),
      [
        [2, 'no rules'],
        [1, 'switch: find.enabled false, find.message "closed" (on)'],
      ],
    );
    assert.match(value.history![0]!.set!, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC by console@/);
    assert.doesNotMatch(value.text!, /setAt|setBy/);
    assert.equal(
      (await rig.ask('/api/rules/rollback', { service: 'shop', version: 1, expectedVersion: 2 })).value.version,
      3,
    );
    assert.equal(
      (await rig.ask('/api/rules/rollback', { service: 'shop', version: 9, expectedVersion: 3 })).status,
      404,
    );
  });

  it('weighs, calls and drains an instance', async () => {
    await using rig = await consoleRig();
    assert.deepEqual((await rig.ask('/api/weight', { instance: 'one', weight: 5 })).value.changes, [
      { service: 'shop', version: 1 },
    ]);
    const described = await rig.ask('/api/describe?service=shop');
    assert.deepEqual(
      described.value.methods!.map(({ name }) => name),
      ['find', 'fail', 'ticks', 'sum', 'double'],
    );
    const called = await rig.ask('/api/call', { service: 'shop', method: 'find', args: ['tea'] });
    assert.deepEqual([called.value.result, called.value.instance], ["{ id: 'tea' }", 'one']);
    const failed = await rig.ask('/api/call', { service: 'shop', method: 'find', args: [7], instance: 'one' });
    assert.deepEqual([failed.status, failed.value.code], [200, 'INVALID_ARGUMENT']);
    assert.equal((await rig.ask('/api/drain', { instance: 'two' })).status, 404);
    assert.equal((await rig.ask('/api/drain', { instance: 'one' })).status, 200);
    assert.notEqual(rig.server.state().status, 'serving');
  });

  it('shows the items of a stream as they come, and how it ends', async () => {
    await using rig = await consoleRig();
    const lines = async (args: unknown[]) => {
      const body = JSON.stringify({ service: 'shop', method: 'ticks', kind: 'stream', args });
      const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
      const response = await fetch(new URL('/api/call', rig.served.url), { method: 'POST', headers, body });
      return response.body!.pipeThrough(new TextDecoderStream());
    };
    let text = '';
    for await (const chunk of await lines([3])) text += chunk;
    const told = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(told.slice(0, 3), [{ item: '0' }, { item: '1' }, { item: '2' }]);
    assert.deepEqual([told[3].end, told[3].items, told[3].instance], ['the stream has ended', 3, 'one']);
    // An endless one runs until its reader leaves; then its handler lets go.
    rig.ended.length = 0;
    for await (const chunk of await lines([1e9])) if (chunk.includes('"100"')) break;
    await until(() => rig.ended.includes('ticks'));
    const refused = await rig.ask('/api/call', { service: 'shop', method: 'ticks', kind: 'stream', args: 'none' });
    assert.equal(refused.status, 400);
  });

  it('sends the items of an upload and of a duplex method, and shows what comes back', async () => {
    await using rig = await consoleRig();
    const lines = async (call: object) => {
      const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
      const body = JSON.stringify({ service: 'shop', args: [], ...call });
      const response = await fetch(new URL('/api/call', rig.served.url), { method: 'POST', headers, body });
      const text = await response.text();
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { item?: string; result?: string; items?: number; error?: string });
    };
    const [sum] = await lines({ method: 'sum', kind: 'upload', args: [100], items: [1, 2, 3] });
    assert.equal(sum!.result, '106');
    const doubled = await lines({ method: 'double', kind: 'duplex', items: [1, 2] });
    assert.deepEqual([doubled[0]!.item, doubled[1]!.item, doubled[2]!.items], ['2', '4', 2]);
    const [failed] = await lines({ method: 'find', kind: 'upload', args: ['tea'], items: [1] });
    assert.match(failed!.error!, /UNIMPLEMENTED/);
    const refused = await rig.ask('/api/call', { service: 'shop', method: 'sum', kind: 'upload', args: [], items: 7 });
    assert.equal(refused.status, 400);
  });

  it('only shows without a token of its own, and to whoever has another one', async () => {
    await using rig = await consoleRig({});
    assert.deepEqual((await rig.ask('/api/session')).value, { canChange: false, hasToken: false });
    for (const [path, body] of [
      ['/api/rules/set', { service: 'shop', text: '{"schemaVersion":1}', expectedVersion: 0 }],
      ['/api/weight', { instance: 'one', weight: 0 }],
      ['/api/drain', { instance: 'one' }],
      ['/api/call', { service: 'shop', method: 'find', args: ['tea'] }],
    ] as const)
      assert.match((await rig.ask(path, body)).value.error!, /only shows/);
    await using guarded = await consoleRig();
    assert.equal((await guarded.ask('/api/drain', { instance: 'one' }, `${TOKEN}x`)).status, 401);
    assert.equal(guarded.server.state().status, 'serving');
  });

  it('takes bodies within bounds, and what is no JSON costs a clear answer', async () => {
    await using rig = await consoleRig();
    assert.equal((await rig.ask('/api/preview', '{"service":')).value.error, 'the body is no JSON');
    assert.equal((await rig.ask('/api/preview', '[]')).value.error, 'the body is an object');
    assert.equal((await rig.ask('/api/preview', JSON.stringify({ service: 'x'.repeat(300_000) }))).status, 413);
    const deep = `${'['.repeat(100)}${']'.repeat(100)}`;
    assert.ok((await rig.ask('/api/preview', { service: 'shop', text: deep })).value.problem);
  });

  it('is refused on an address of others without a token, and with a token that is none', async () => {
    await using rig = fleetRig();
    await assert.rejects(
      serveConsole(rig.fleet, { host: '0.0.0.0', port: 0 }),
      /can be reached by others, which needs a token/,
    );
    await assert.rejects(serveConsole(rig.fleet, { token: 'short', port: 0 }), /must have 16 or more/);
    await assert.rejects(serveConsole(rig.fleet, { host: 'localhost', port: 0 }), /listens on an address/);
  });
});
