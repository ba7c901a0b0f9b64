import assert from 'node:assert/strict';
import { createWorld, endpoint } from '../../test/world.js';
import { formatInstanceValue } from './instance-value.js';
import { listServices } from './list-services.js';

describe('listServices', () => {
  it('names each service once, in order, and nothing else that lies there', async () => {
    const { etcd, environment } = createWorld();
    const value = formatInstanceValue(endpoint('a'));
    for (const service of ['user', 'cart', 'user-admin']) {
      for (const id of ['a', 'b']) etcd.put(environment.keys.instanceKey(service, id), value);
    }
    etcd.put('/rpc/test/services/stray', 'x');
    etcd.put('/rpc/test/services/%zz/a', 'x');
    etcd.put('/rpc/other/services/foreign/a', value);
    assert.deepEqual(await listServices(environment), ['cart', 'user', 'user-admin']);
    environment.holder.close();
  });

  it('reads one page for a service of thousands of instances, and finds what comes after it', async () => {
    const { etcd, environment } = createWorld();
    for (let i = 0; i < 2_000; i++) etcd.put(environment.keys.instanceKey('big', `${i}`), '');
    etcd.put(environment.keys.instanceKey('small', '1'), '');
    assert.deepEqual(await listServices(environment), ['big', 'small']);
    assert.equal(etcd.calls.length, 2);
    environment.holder.close();
  });
});
