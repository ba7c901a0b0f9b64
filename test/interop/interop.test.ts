import {
  type Client,
  type ClientOptions,
  createClient,
  createServer,
  direct,
  memory,
  type Server,
} from '../../packages/rpc/src/index.js';
import { connect } from '../../packages/testkit/src/index.js';
import { TestAuthority } from '../../packages/wire/test/certificates.js';
import { INTEROP_CASES } from './cases.js';
import { TestService, testHandlers } from './service.js';

/** A server, and how its clients are made. */
interface Way {
  readonly server: Server;
  open(options?: ClientOptions): Client;
}

let authority: TestAuthority;

const WAYS: Readonly<Record<string, () => Promise<Way>>> = {
  async 'in memory'() {
    const server = createServer({ registry: memory() }).add(TestService, testHandlers);
    return { server, open: (options) => connect(server, options) };
  },
  async 'over TCP'() {
    const server = createServer({ registry: memory() }).add(TestService, testHandlers);
    const registry = direct([`127.0.0.1:${(await server.listen({ host: '127.0.0.1' })).port}`]);
    return { server, open: (options) => createClient({ registry, ...options }) };
  },
  async 'over TLS'() {
    const server = createServer({ registry: memory(), tls: authority.issue() }).add(TestService, testHandlers);
    const registry = direct([`127.0.0.1:${(await server.listen({ host: '127.0.0.1' })).port}`]);
    return { server, open: (options) => createClient({ registry, tls: { ca: authority.ca }, ...options }) };
  },
};

describe("the cases of gRPC's interoperability tests", function () {
  this.timeout(60_000);
  before(() => {
    authority = new TestAuthority();
  });
  after(() => authority.remove());

  for (const [name, make] of Object.entries(WAYS)) {
    describe(name, () => {
      let way: Way;
      let clients: Client[];
      const open = (options?: ClientOptions): Client => {
        const client = way.open(options);
        clients.push(client);
        return client;
      };
      beforeEach(async () => {
        clients = [];
        way = await make();
      });
      afterEach(async () => {
        for (const client of clients) await client.close();
        await way.server.close({ drainMs: 0, graceMs: 0 });
      });

      for (const [title, play] of Object.entries(INTEROP_CASES)) {
        it(title, () => play({ client: open(), open, divisor: name === 'over TCP' ? 1 : 10 }));
      }
    });
  }
});
