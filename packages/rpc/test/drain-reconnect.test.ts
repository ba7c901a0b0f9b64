import assert from 'node:assert/strict';
import { createServer, defineService, method } from '@org/rpc';
import { connect, FakeClock, seededRandom } from '@org/rpc-testkit';

const Shop = defineService('shop', { price: method<(id: number) => number>() });

describe('a server that drains', () => {
  it('is come back to ever less often', async () => {
    const clock = new FakeClock();
    const server = createServer({ registry: 'local:', clock, random: seededRandom(1) });
    server.add(Shop, { price: (id) => id });
    let connections = 0;
    server.on('connectionOpened', () => connections++);
    const client = connect(server, { clock, random: seededRandom(2) });
    const call = client.service(Shop).price(1);
    await clock.advance(1);
    assert.equal(await call, 1);
    assert.equal(connections, 1);
    const closed = server.close({ drainMs: 10_000, graceMs: 0 });
    await clock.advance(10_000);
    assert.ok(connections >= 3 && connections <= 15, `${connections} connections`);
    await Promise.all([client.close(), clock.advance(5_000), closed]);
  });
});
