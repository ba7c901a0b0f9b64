import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { inspect } from 'node:util';
import {
  type Client,
  configure,
  createClient,
  createServer,
  defineService,
  direct,
  dns,
  duplex,
  etcd,
  local,
  memory,
  method,
  notify,
  RpcError,
  type Server,
  stream,
  upload,
} from '@org/rpc';
import { connect, mockService } from '@org/rpc-testkit';

const Shop = defineService('shop', {
  find: method<(id: string) => string>(),
  order: method<(id: string, count: number) => unknown>(),
  feed: stream<() => AsyncIterable<number>>(),
  total: upload<(items: AsyncIterable<number>) => Promise<number>>(),
  both: duplex<(items: AsyncIterable<number>) => AsyncIterable<number>>(),
  seen: notify<(id: string) => void>(),
});
const handlers = {
  find: (id: string) => `tea ${id}`,
  order: (_id: string, count: number): unknown => (count === 0 ? Symbol('s') : count),
  async *feed() {
    yield 1;
    yield 2;
  },
  async total(items: AsyncIterable<number>) {
    let sum = 0;
    for await (const item of items) sum += item;
    return sum;
  },
  async *both(items: AsyncIterable<number>) {
    yield* items;
  },
  seen: () => {},
};

/** What JavaScript lets anybody write, whatever the types say. */
// biome-ignore lint/suspicious/noExplicitAny: these are uses that do not compile.
const js = (value: unknown): any => value;
const inMemory = { registry: memory() } as const;

/** A wrong use, and what whoever made it is told. */
type WrongUse = readonly [what: string, use: (client: Client) => unknown, told: RegExp];

const CONTRACTS: readonly WrongUse[] = [
  ['a name with a blank', () => defineService('my shop', {}), /^TypeError: .*name.*my shop/],
  ['an empty name', () => defineService('', {}), /^TypeError: .*name/],
  ['no name', () => defineService(js(undefined), {}), /^TypeError: .*name.*undefined/],
  ['no methods', () => defineService('shop', js(undefined)), /^TypeError: .*shop.*methods/],
  ['a function for a method', () => defineService('shop', js({ find: () => 1 })), /^TypeError: .*shop.*find.*method/],
  ['a reserved method: with', () => defineService('shop', js({ with: method<() => void>() })), /^TypeError: .*with/],
  ['a reserved method: then', () => defineService('shop', js({ then: method<() => void>() })), /^TypeError: .*then/],
  [
    'a misspelt option',
    () => defineService('shop', { find: method<() => void>(js({ idempotant: true })) }),
    /^TypeError: .*idempotant.*"idempotent"/,
  ],
  [
    'a timeout of zero',
    () => defineService('shop', { find: method<() => void>({ timeoutMs: 0 }) }),
    /^TypeError: .*timeoutMs.*got 0/,
  ],
  [
    'a timeout as text',
    () => defineService('shop', { find: method<() => void>(js({ timeoutMs: '5s' })) }),
    /^TypeError: .*timeoutMs.*"5s"/,
  ],
  [
    'a priority of 256',
    () => defineService('shop', { find: method<() => void>({ priority: 256 }) }),
    /^TypeError: .*priority.*255.*got 256/,
  ],
  [
    'schemas that are none',
    () => defineService('shop', js({ find: method(js({ args: [{ a: 1 }] })) })),
    /^TypeError: .*args/,
  ],
];

const CLIENTS: readonly WrongUse[] = [
  ['a misspelt option', () => createClient(js({ timeout: 5 })), /^TypeError: createClient: .*timeout.*"timeoutMs"/],
  [
    'a registry that is none',
    () => createClient({ registry: 'etdc://h:1' }),
    /^TypeError: .*etdc.*did you mean "etcd"/,
  ],
  ['a registry without scheme', () => createClient({ registry: 'localhost:2379' }), /^TypeError: .*registry/],
  ['an address as registry', () => createClient(js({ registry: ['a:1'] })), /^TypeError: .*registry/],
  ['a negative timeout', () => createClient({ ...inMemory, timeoutMs: -1 }), /^TypeError: .*timeoutMs.*got -1/],
  [
    'an infinite timeout',
    () => createClient({ ...inMemory, timeoutMs: Infinity }),
    /^TypeError: .*timeoutMs.*Infinity/,
  ],
  ['retry as a number', () => createClient(js({ ...inMemory, retry: 3 })), /^TypeError: .*retry.*got 3/],
  [
    'a misspelt nested option',
    () => createClient(js({ ...inMemory, breaker: { errorPercents: 1 } })),
    /"errorPercent"/,
  ],
  [
    'a limit without a number',
    () => createClient(js({ ...inMemory, rateLimit: {} })),
    /^TypeError: .*rateLimit.*perSecond/,
  ],
  ['layers that are a list', () => createClient(js({ ...inMemory, layers: [] })), /^TypeError: .*layers/],
  [
    'a layer that is none',
    () => createClient(js({ ...inMemory, layers: { unary: [1] } })),
    /^TypeError: .*layers\.unary\[0\]/,
  ],
  [
    'a certificate by its path',
    () => createClient({ ...inMemory, tls: { ca: 'ca.pem' } }),
    /^TypeError: .*tls\.ca.*not its path/,
  ],
  ['a service that is no contract', (c) => c.service(js({})), /^TypeError: client\.service: .*defineService/],
  ['a stub of nothing', (c) => c.service(js(undefined)), /^TypeError: client\.service/],
  [
    'a method that is not there',
    (c) => c.call(Shop, js('fnid'), js(['x'])),
    /^TypeError: .*"fnid"; did you mean "find"/,
  ],
  ['arguments that are no list', (c) => c.call('shop', 'find', js('x')), /^TypeError: .*list of the arguments/],
  [
    'a misspelt option of a call',
    (c) => c.service(Shop).with(js({ timeout: 5 })),
    /^TypeError: .*timeout.*"timeoutMs"/,
  ],
  ['a signal that is none', (c) => c.service(Shop).with(js({ signal: {} })), /^TypeError: .*signal.*AbortSignal/],
  [
    'an event that is none',
    (c) => c.on(js('endpointdown'), () => {}),
    /^TypeError: client\.on: .*"endpointdown"; did you mean "endpointDown"/,
  ],
  [
    'an event without listener',
    (c) => c.on('endpointDown', js(undefined)),
    /^TypeError: client\.on: .*listener must be a function/,
  ],
  [
    'options for a method that is not there',
    () => configure(Shop, js({ methods: { fnid: {} } })),
    /^TypeError: .*fnid.*"find"/,
  ],
  ['setTls without tls', (c) => c.setTls({}), /^TypeError: client\.setTls: .*without the option tls/],
];

const SERVERS: readonly WrongUse[] = [
  [
    'a port for the factory',
    () => createServer(js({ port: 3000 })),
    /^TypeError: createServer: port is for listen: write server\.listen\(\{ port/,
  ],
  ['a misspelt option', () => createServer(js({ ...inMemory, authorise: () => {} })), /^TypeError: .*"authorize"/],
  [
    'authorize that is no function',
    () => createServer(js({ ...inMemory, authorize: true })),
    /^TypeError: .*authorize must be a function/,
  ],
  [
    'a signal that is none',
    () => createServer(js({ ...inMemory, signals: ['sigterm'] })),
    /^TypeError: .*signals\[0\].*"sigterm"/,
  ],
  [
    'a signal that none can catch',
    () => createServer({ ...inMemory, signals: ['SIGKILL'] }),
    /^TypeError: .*"SIGKILL": no process can catch it/,
  ],
  [
    'a weight beyond the bound',
    () => createServer({ ...inMemory, weight: 20_000 }),
    /^TypeError: .*weight.*10000.*got 20000/,
  ],
  [
    'a bound beyond the bound',
    () => createServer({ ...inMemory, limits: { callsInFlight: 1e6 } }),
    /^TypeError: .*callsInFlight.*65535/,
  ],
  ['a key without certificate', () => createServer(js({ ...inMemory, tls: { key: 'x' } })), /^TypeError: .*tls/],
  [
    'a missing handler',
    () => newServer().add(Shop, js({ ...handlers, find: undefined })),
    /^TypeError: .*"shop" lacks a handler for "find"/,
  ],
  [
    'a misspelt handler',
    () => newServer().add(Shop, js({ ...handlers, find: undefined, fnid: () => '' })),
    /"find" \(there is "fnid"\)/,
  ],
  ['handlers that are none', () => newServer().add(Shop, js(null)), /^TypeError: .*implementation of "shop"/],
  [
    'a service twice',
    () => newServer().add(Shop, handlers).add(Shop, handlers),
    /^TypeError: .*"shop" was added before/,
  ],
  [
    'a contract that is none',
    () => newServer().add(js({ name: 'shop' }), {}),
    /^TypeError: server\.add: .*defineService/,
  ],
  [
    'unary layers alone beside streams',
    () => createServer({ ...inMemory, layers: { unary: [(next) => next] } }).add(Shop, handlers),
    /^TypeError: .*stream/,
  ],
  [
    'listen with a number',
    () => newServer().listen(js(3000)),
    /^TypeError: server\.listen: .*got 3000; write server\.listen\(\{ port: 3000 \}\)/,
  ],
  ['a port as text', () => newServer().listen(js({ port: '3000' })), /^TypeError: .*port must be an integer.*"3000"/],
  ['a port beyond the bound', () => newServer().listen({ port: 70_000 }), /^TypeError: .*port.*65535.*got 70000/],
  ['a path beside a port', () => newServer().listen({ path: '/tmp/x', port: 1 }), /^TypeError: .*either path or port/],
  ['a host in brackets', () => newServer().listen({ host: '[::1]' }), /^TypeError: .*host.*without brackets/],
  [
    'an event that is none',
    () => newServer().on(js('handlererror'), () => {}),
    /^TypeError: server\.on: .*"handlerError"/,
  ],
  [
    'a change before it listens',
    () => newServer().update({ weight: 1 }),
    /^TypeError: server\.update: the server does not listen/,
  ],
  ['a negative grace', () => newServer().close({ graceMs: -1 }), /^TypeError: .*graceMs.*got -1/],
];

const REGISTRIES: readonly WrongUse[] = [
  ['no hosts', () => etcd(js({})), /^TypeError: etcd: hosts/],
  ['a password in a host', () => etcd({ hosts: ['http://u:p@h:1'] }), /^TypeError: etcd: .*must not hold credentials/],
  ['a lease of a second', () => etcd({ hosts: ['h'], ttlSeconds: 1 }), /^TypeError: .*ttlSeconds.*5.*got 1/],
  ['an address without port', () => direct(['10.0.0.7']), /^TypeError: .*10\.0\.0\.7/],
  ['no addresses', () => direct([]), /^TypeError: .*address/],
  ['a name without port', () => dns('users.prod.svc'), /^TypeError: .*users\.prod\.svc/],
  ['an empty directory', () => local({ directory: '' }), /^TypeError: .*directory/],
];

const CALLS: readonly WrongUse[] = [
  ['a function as argument', (c) => c.call('shop', 'find', [() => 1]), /^RpcError: INVALID_ARGUMENT: .*a function/],
  [
    'a class instance inside',
    (c) => c.call('shop', 'find', [{ a: [new (class Money {})()] }]),
    /INVALID_ARGUMENT: .*\$\[0\]\.a\[0\].*Money/,
  ],
  ['a cycle', (c) => c.call('shop', 'find', [cycle()]), /^RpcError: INVALID_ARGUMENT/],
  [
    'a method that the server has not',
    (c) => c.call('shop', 'fnid', []),
    /UNIMPLEMENTED: .*"shop" has no method "fnid"; did you mean "find"/,
  ],
  [
    'a service that the server has not',
    (c) => c.call('shp', 'find', []),
    /UNIMPLEMENTED: .*no service "shp"; did you mean "shop"/,
  ],
  ['a stream called as a method', (c) => c.call('shop', 'feed', []), /UNIMPLEMENTED: .*shop\.feed is a stream method/],
  ['an upload of nothing', (c) => c.service(Shop).total(js(5)), /shop\.total: the first argument/],
  ['an upload of a wrong item', (c) => c.service(Shop).total(js([() => 1])), /a function/],
  ['a result that cannot be sent', (c) => c.service(Shop).order('x', 0), /^RpcError: INTERNAL/],
  [
    'metadata that is no text',
    (c) =>
      c
        .service(Shop)
        .with(js({ metadata: { a: 1 } }))
        .find('x'),
    /metadata/,
  ],
  [
    'a stream read twice',
    (c) => twice(c.service(Shop).feed()),
    /^TypeError: shop\.feed: this stream has been read to its end; call the method again/,
  ],
  [
    'a call after close',
    async (c) => c.close().then(() => c.service(Shop).find('x')),
    /UNAVAILABLE: .*client is closed/,
  ],
  [
    'a mock of a method that is not there',
    () => mockService(Shop, js({ fnid: () => '' })),
    /^TypeError: mockService\(shop\): .*"find"/,
  ],
  ['a mock that was not given', () => mockService(Shop, {}).find('x'), /UNIMPLEMENTED: .*shop\.find was not given/],
  ['an in-memory client of no server', () => connect(js({})), /^TypeError: connect: .*createServer/],
  [
    'an error with a code that is none',
    () => new RpcError(js('NOTFOUND'), 'x'),
    /^TypeError: .*"NOTFOUND".*'NOT_FOUND'/,
  ],
];

function newServer(): Server {
  return createServer(inMemory);
}

function cycle(): object {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}

async function twice(items: AsyncIterable<number>): Promise<void> {
  for await (const _ of items);
  for await (const _ of items) assert.fail('there is nothing to read');
}

describe('wrong uses, each with its right error', () => {
  let count = 0;
  for (const [group, uses] of Object.entries({ CONTRACTS, CLIENTS, SERVERS, REGISTRIES, CALLS }))
    for (const [what, use, told] of uses) {
      count++;
      it(`${group.toLowerCase()}: ${what}`, async () => {
        const server = newServer().add(Shop, handlers);
        const client = connect(server);
        let thrown: unknown;
        try {
          const given = use(client);
          if (typeof given === 'object' && given !== null && Symbol.asyncIterator in given)
            for await (const _ of given as AsyncIterable<unknown>);
          else await given;
        } catch (error) {
          thrown = error;
        }
        await client.close();
        await server.close({ drainMs: 0, graceMs: 0 });
        assert.match(String(thrown ?? 'nothing'), told);
        // One line, that is not too long to be read.
        assert.ok(String(thrown).length < 500 && !String(thrown).includes('\n'), String(thrown));
      });
    }

  it('are at least sixty', () => assert.ok(count >= 60, String(count)));

  it('servers: none to call says so', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    const server = newServer();
    await server.listen({ host: '127.0.0.1' });
    assert.match((await warned).message, /server\.listen: this server has no service/);
    await server.close();
  });

  it('calls: an HTTP server on the port is called one', async () => {
    const http = createHttpServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => http.once('listening', resolve));
    const { port } = http.address() as { port: number };
    const client = createClient({ registry: direct([`127.0.0.1:${port}`]) });
    await assert.rejects(client.service(Shop).find('x'), /an HTTP server answers there/);
    await client.close();
    http.close();
  });

  it('clients and servers: printing one shows what it is', async () => {
    const server = newServer().add(Shop, handlers);
    const client = connect(server);
    await client.service(Shop).find('x');
    assert.match(inspect(client), /^Client \{ registry memory, namespace default, services: shop \}$/);
    assert.match(inspect({ server }), /Server \{ \w+, not listening, registry memory.*, services: shop \}/);
    await client.close();
    assert.match(inspect(client), /^Client \{ closed, /);
    await server.close();
  });
});
