import assert from 'node:assert/strict';
import { defineService, method, RpcError, stream } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { connect } from '@org/rpc-testkit';
import { Work } from '../test/bench.js';
import { Dispatcher } from './dispatcher.js';
import { createServer } from './face/server.js';
import type { Server } from './face/server-types.js';

const handlers = { run: () => 1, safe: () => 2, tell: () => {} };
const aServer = (): Server => createServer({ registry: memory() });

describe('server.add()', () => {
  for (const [args, message] of [
    [[], 'server.add: expected a service definition made by defineService(), got undefined'],
    [[{ name: 'work' }, handlers], 'server.add: expected a service definition made by defineService(), got an object'],
    [[Work], 'server.add: the implementation of "work" must be an object, got undefined'],
    [[Work, () => {}], 'server.add: the implementation of "work" must be an object, got a function'],
    [[Work, { tell() {} }], 'server.add: service "work" lacks a handler for "run", "safe"'],
    [
      [Work, { rum: () => 1, safe() {}, tell() {} }],
      'server.add: service "work" lacks a handler for "run" (there is "rum")',
    ],
    [[Work, { ...handlers, run: 5 }], 'server.add: service "work" lacks a handler for "run"'],
  ] as const)
    it(`refuses what makes no sense: ${message}`, () => {
      const server = aServer();
      const add: (...given: never[]) => unknown = server.add;
      assert.throws(() => add.apply(server, args as never), { name: 'TypeError', message });
    });

  it('takes a service once', () => {
    const server = aServer().add(Work, handlers);
    assert.throws(() => server.add(Work, handlers), {
      name: 'TypeError',
      message: 'server.add: service "work" was added before',
    });
  });

  it('takes no two services whose methods read the same on the wire', () => {
    const One = defineService('ab', { cd: method<() => number>() });
    const Other = defineService('a', { bcd: method<() => number>() });
    assert.throws(
      () =>
        aServer()
          .add(One, { cd: () => 1 })
          .add(Other, { bcd: () => 2 }),
      {
        name: 'TypeError',
        message: 'server.add: "a" + "bcd" reads the same as "ab" + "cd"; rename one',
      },
    );
  });

  it('adds nothing of a service that it refuses', async () => {
    const server = aServer();
    assert.throws(() => server.add(Work, { run: () => 1 } as never));
    server.add(Work, handlers);
    await using client = connect(server);
    assert.equal(await client.service(Work).safe(), 2);
  });
});

describe('what a server does not have', () => {
  const Streams = defineService('streams', { watch: stream<() => AsyncIterable<number>>() });
  const server = aServer().add(Work, handlers);
  server.add(Streams, { async *watch() {} });

  for (const [service, name, message] of [
    ['wrok', 'run', 'this server has no service "wrok"; did you mean "work"?'],
    ['banking', 'run', 'this server has no service "banking"'],
    ['work', 'runn', 'service "work" has no method "runn"; did you mean "run"?'],
    ['work', 'frobnicate', 'service "work" has no method "frobnicate"'],
    ['work', 'constructor', 'service "work" has no method "constructor"'],
    ['workrun', 'x', 'this server has no service "workrun"; did you mean "work"?'],
    ['streams', 'watch', 'streams.watch is a stream method: call it by its contract'],
  ] as const)
    it(`is said with the nearest name: ${message}`, async () => {
      await using client = connect(server);
      await assert.rejects(client.call(service, name, []), {
        code: 'UNIMPLEMENTED',
        message: `UNIMPLEMENTED: ${message} (${message.includes(`${service}.${name}`) ? '' : `${service}.${name} `}at memory:1)`,
        progress: 'refused',
        service,
        method: name,
      });
    });

  it('is not found by splitting the name in another place', async () => {
    await using client = connect(server);
    await assert.rejects(client.call('wo', 'rkrun', []), { code: 'UNIMPLEMENTED' });
  });

  it('is looked up once, in bounded memory, and is there when it is added', () => {
    const dispatcher = new Dispatcher([], undefined);
    dispatcher.add(Work, handlers);
    const first = dispatcher.find('workron', 4);
    assert.ok(first instanceof RpcError);
    assert.match(first.reason, /no method "ron"; did you mean "run"\?/);
    assert.equal(dispatcher.find('workron', 4), first);
    assert.doesNotMatch(first.stack ?? '', /\n\s+at /);
    // Who asks for ever other names gets no hints any more, and what is known is still known.
    for (let i = 0; i < 300; i++) dispatcher.find(`workrunn${i}`, 4);
    const late = dispatcher.find('worknun', 4);
    assert.equal((late as RpcError).reason, 'service "work" has no method "nun"');
    assert.equal(dispatcher.find('workron', 4), first);
    const Later = defineService('workr', { on: method<() => void>() });
    dispatcher.add(Later, { on() {} });
    assert.ok('run' in dispatcher.find('workron', 5));
  });
});
