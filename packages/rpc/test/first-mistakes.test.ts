import assert from 'node:assert/strict';
import { createServer as listen } from 'node:net';
import {
  type Client,
  type ClientOptions,
  configure,
  createClient,
  createServer,
  defineService,
  direct,
  memory,
  method,
  type Registry,
  type Server,
  systemClock,
} from '@org/rpc';
import { z } from 'zod';

const Calculator = defineService('calculator', {
  sum: method<(x: number, y: number) => number>({ idempotent: true }),
  divide: method({ args: [z.number(), z.number().positive()], returns: z.number() }),
  slow: method<(ms: number) => string>(),
});

const handlers = {
  sum: (x: number, y: number) => x + y,
  divide: (x: number, y: number) => x / y,
  slow: (ms: number) => new Promise<string>((resolve) => systemClock.schedule(ms, () => resolve('done'), true)),
};

/** A server and a client of it; what was begun ends with the test. */
class Beginner implements AsyncDisposable {
  readonly registry: Registry = memory();
  readonly #clients: Client[] = [];
  readonly #servers: Server[] = [];

  async serve(given: Partial<typeof handlers> = {}): Promise<{ server: Server; port: number }> {
    const server = createServer({ registry: this.registry }).add(Calculator, { ...handlers, ...given });
    this.#servers.push(server);
    server.on('handlerError', () => {});
    return { server, port: (await server.listen()).port };
  }

  client(options: ClientOptions = {}): Client {
    const client = createClient({ registry: this.registry, ...options });
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.close();
    for (const server of this.#servers) await server.close({ graceMs: 0 });
  }
}

/** A port of this machine on which nothing listens. */
function closedPort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = listen().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

describe('what a new user does wrong first: the registry', () => {
  it('does not run: the first call fails by its deadline, and says which one and what to do', async () => {
    await using me = new Beginner();
    const port = await closedPort();
    const client = me.client({ registry: `etcd://127.0.0.1:${port}` });
    const reported = new Promise((resolve) => client.on('registry', resolve));
    const calculator = client.service(Calculator).with({ timeoutMs: 300 });
    const where = `registry etcd://127\\.0\\.0\\.1:${port}, namespace "default"`;
    const message = (trouble: string): RegExp =>
      new RegExp(
        '^DEADLINE_EXCEEDED: calculator\\.sum took longer than 300 ms, the timeoutMs of the call \\(no time left while waiting for a node of "calculator": ' +
          `the registry has not answered yet \\(${where}${trouble}\\): start it, (or check the option registry|check the option registry, or give the call more time)\\); at fault: the registry, which named no instance for \\d+ of 300 ms`,
      );
    await assert.rejects(calculator.sum(1, 2), {
      code: 'DEADLINE_EXCEEDED',
      message: message('(; its last error: .*)?'),
    });
    // As soon as npm etcd3 has been loaded and refused, every call says that too.
    await reported;
    await assert.rejects(calculator.sum(1, 2), {
      message: message(`; its last error: .*ECONNREFUSED 127\\.0\\.0\\.1:${port}`),
    });
  });

  it('is another one than that of the server: there is no instance', async () => {
    await using me = new Beginner();
    await me.serve();
    await assert.rejects(me.client({ registry: memory() }).service(Calculator).sum(1, 2), {
      code: 'UNAVAILABLE',
      message:
        'UNAVAILABLE: calculator.sum failed: service "calculator" has no instance in registry memory, namespace "default": ' +
        "start a server that adds it, or check the service's name, registry and namespace",
    });
  });

  it('has a misspelt string form', () => {
    assert.throws(() => createClient({ registry: 'ectd://127.0.0.1:2379' }), {
      name: 'TypeError',
      message:
        /^createClient: registry: unknown scheme "ectd" \(did you mean "etcd"\?\); the forms are local:, .*, etcd:\/\//,
    });
  });
});

describe('what a new user does wrong first: the server', () => {
  it('has its port taken', async () => {
    await using me = new Beginner();
    const { port } = await me.serve();
    await assert.rejects(createServer({ registry: memory() }).add(Calculator, handlers).listen({ port }), {
      message: `listen on 127.0.0.1:${port}: the address is taken by another process: stop it or choose another port (EADDRINUSE)`,
    });
  });

  it('is down: the call says where nothing listens', async () => {
    await using me = new Beginner();
    const port = await closedPort();
    await assert.rejects(
      me
        .client({ registry: direct([`127.0.0.1:${port}`]) })
        .service(Calculator)
        .sum(1, 2),
      {
        code: 'UNAVAILABLE',
        message:
          `UNAVAILABLE: calculator.sum failed: no instance of "calculator" takes calls: 127.0.0.1:${port} ` +
          `(connection refused: nothing listens there (ECONNREFUSED)); registry direct://127.0.0.1:${port}, namespace "default"; ` +
          'check that they run and can be reached from here',
      },
    );
  });

  it('goes down during a call: the call says so, and that its handler had begun', async () => {
    await using me = new Beginner();
    const { server, port } = await me.serve();
    const client = me.client();
    await client.ready(Calculator);
    const call = client.service(Calculator).with({ timeoutMs: 5_000 }).slow(5_000);
    const failed = assert.rejects(call, {
      code: 'UNAVAILABLE',
      progress: 'processed',
      message: new RegExp(
        '^UNAVAILABLE: the server is shutting down: the handler was cut off before it had ended ' +
          `\\(calculator\\.slow at 127\\.0\\.0\\.1:${port} \\[\\w+\\]\\)$`,
      ),
    });
    await client.service(Calculator).sum(1, 2);
    await server.close({ graceMs: 0 });
    await failed;
  });

  it('lacks a handler, or has it misspelt', () => {
    const { sum, ...others } = handlers;
    assert.throws(() => createServer({ registry: memory() }).add(Calculator, { ...others, summ: sum } as never), {
      name: 'TypeError',
      message: 'server.add: service "calculator" lacks a handler for "sum" (there is "summ")',
    });
  });

  it('has a handler that throws: the caller gets an id, the server has the rest under it', async () => {
    await using me = new Beginner();
    const { server, port } = await me.serve({
      sum: () => {
        throw new Error('the database is down');
      },
    });
    const events: { correlationId: string; error: unknown }[] = [];
    server.on('handlerError', (event) => events.push(event));
    await assert.rejects(me.client().service(Calculator).sum(1, 2), (error: Error) => {
      assert.equal(
        error.message.replace(/ \[\w+\]\)$/, ' [id])'),
        `INTERNAL: the handler failed; the server's log has the reason under ${events[0]?.correlationId} (calculator.sum at 127.0.0.1:${port} [id])`,
      );
      return true;
    });
    assert.match(String(events[0]?.error), /the database is down/);
  });

  it('is slower than the timeout: the call says how long it waited where, and why not again', async () => {
    await using me = new Beginner();
    const { port } = await me.serve();
    const client = me.client();
    await client.ready(Calculator);
    await assert.rejects(client.service(Calculator).with({ timeoutMs: 40 }).slow(5_000), {
      code: 'DEADLINE_EXCEEDED',
      message: new RegExp(
        `^DEADLINE_EXCEEDED: calculator\\.slow took longer than 40 ms, the timeoutMs of the call \\(127\\.0\\.0\\.1:${port} \\[\\w+\\] no reply in \\d+ ms; ` +
          `not retried: the method is not marked idempotent\\); at fault: the handler at 127\\.0\\.0\\.1:${port} \\[\\w+\\], or a call of its own, which had it for \\d+ of 40 ms`,
      ),
    });
  });
});

describe('what a new user does wrong first: the call', () => {
  it('names a service that the server does not have', async () => {
    await using me = new Beginner();
    const { port } = await me.serve();
    const client = me.client({ registry: direct([`127.0.0.1:${port}`]) });
    await assert.rejects(client.call('calculater', 'sum', [1, 2]), {
      code: 'UNIMPLEMENTED',
      message: `UNIMPLEMENTED: this server has no service "calculater"; did you mean "calculator"? (calculater.sum at 127.0.0.1:${port})`,
    });
  });

  it('names a method that the service does not have', async () => {
    await using me = new Beginner();
    const { port } = await me.serve();
    const calculator = me.client().service<{ smu(x: number, y: number): number }>('calculator');
    await assert.rejects(calculator.smu(1, 2), {
      code: 'UNIMPLEMENTED',
      message: `UNIMPLEMENTED: service "calculator" has no method "smu"; did you mean "sum"? (calculator.smu at 127.0.0.1:${port})`,
    });
  });

  it('passes wrong arguments: where they are wrong, and what is expected', async () => {
    await using me = new Beginner();
    const { port } = await me.serve();
    const { divide } = me.client().service(Calculator);
    await assert.rejects(divide(1, 'two' as never), {
      code: 'INVALID_ARGUMENT',
      message: `INVALID_ARGUMENT: calculator.divide: invalid arguments: [1]: Invalid input: expected number, received string (at 127.0.0.1:${port})`,
      details: { issues: [{ path: [1], message: 'Invalid input: expected number, received string' }] },
    });
    await assert.rejects(
      divide(1, 0),
      /calculator\.divide: invalid arguments: \[1\]: Too small: expected number to be >0/,
    );
  });

  it('passes what cannot be sent: which part of it', async () => {
    await using me = new Beginner();
    const { port } = await me.serve();
    await assert.rejects(me.client().call('calculator', 'sum', [{ x: [1, () => 1] }]), {
      code: 'INVALID_ARGUMENT',
      message: `INVALID_ARGUMENT: calculator.sum cannot be sent: value at $[0].x[1] is a function, which MessagePack cannot carry (at 127.0.0.1:${port})`,
    });
  });

  it('comes after client.close()', async () => {
    const client = createClient({ registry: memory() });
    await client.close();
    await assert.rejects(client.service(Calculator).sum(1, 2), {
      message: 'UNAVAILABLE: the client is closed: make another one with createClient() (calculator.sum)',
    });
  });

  it('passes the methods instead of the contract', () => {
    const client = createClient({ registry: memory() });
    assert.throws(() => client.service({ sum: handlers.sum } as never), {
      name: 'TypeError',
      message: 'client.service: expected a service definition made by defineService(), got an object',
    });
  });
});

describe('what a new user does wrong first: an option', () => {
  const client = createClient({ registry: memory() });
  const server = createServer({ registry: memory() });
  for (const [what, run, message] of [
    [
      'createClient',
      () => createClient({ timeoutMS: 5 } as never),
      'createClient: unknown option "timeoutMS"; did you mean "timeoutMs"?',
    ],
    [
      'createClient',
      () => createClient({ retries: 5 } as never),
      'createClient: unknown option "retries"; did you mean "retry"?',
    ],
    [
      'createClient',
      () => createClient({ retry: { max: 50 } }),
      'createClient: retry: max must be an integer from 0 to 10, got 50',
    ],
    [
      'createServer',
      () => createServer({ singals: ['SIGTERM'] } as never),
      'createServer: unknown option "singals"; did you mean "signals"?',
    ],
    [
      'listen',
      () => server.listen({ prot: 4399 } as never),
      'server.listen: unknown option "prot"; did you mean "port"?',
    ],
    [
      'listen',
      () => server.listen({ port: 99_999 }),
      'server.listen: port must be an integer from 0 to 65535, got 99999',
    ],
    [
      'close',
      () => server.close({ grace: 5 } as never),
      'server.close: unknown option "grace"; did you mean "graceMs"?',
    ],
    [
      'with',
      () => client.service(Calculator).with({ timeout: 5 } as never),
      'call options: unknown option "timeout"; did you mean "timeoutMs"?',
    ],
    [
      'configure',
      () => configure(Calculator, { methods: { smu: {} } } as never),
      'configure(calculator): the service has no method "smu"; did you mean "sum"?',
    ],
    [
      'ready',
      () => client.ready(Calculator, { timeoutMs: 0 }),
      'client.ready: timeoutMs must be a number from 1 to 2147483647, got 0',
    ],
    ['direct', () => direct(['localhost']), 'direct: "localhost" must be host:port, [IPv6]:port or unix:/path'],
    [
      'defineService',
      () => defineService('my calculator', {}),
      'defineService: service name must be 1 to 200 of a-z, A-Z, 0-9, ".", "_" and "-", not starting with "." or "-", got "my calculator"',
    ],
    [
      'method',
      () => defineService('calculator', { sum: method<() => void>({ timeout: 5 } as never) }),
      'defineService: calculator.sum: unknown option "timeout"; did you mean "timeoutMs"?',
    ],
  ] as const)
    it(`is refused at once by ${what}: ${message}`, async () => {
      await assert.rejects(async () => run(), { name: 'TypeError', message });
    });
  after(() => client.close());
});
