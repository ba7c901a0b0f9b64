import assert from 'node:assert/strict';
import { type EtcdCluster, startEtcdCluster } from './etcd-cluster.js';
import { etcdctl } from './etcd-fixture.js';
import { until } from './until.js';

describe('a cluster of three for the tests', function () {
  this.timeout(60_000);
  let cluster: EtcdCluster;

  before(async () => {
    cluster = await startEtcdCluster();
  });

  after(() => cluster.stop());

  it('leads from another member when its leader is killed, and takes it back with its data', async () => {
    await cluster.ctl('put', '/a', '1');
    const leader = await cluster.leader();
    await leader.kill('SIGKILL');
    assert.notEqual((await cluster.leader()).name, leader.name);
    await leader.restart();
    assert.match(await etcdctl([leader.url], ['get', '/a']), /1/);
  });

  it('moves leadership in order', async () => {
    const leader = await cluster.leader();
    const other = cluster.members.find((member) => member !== leader)!;
    await cluster.moveLeader(other);
    await until(async () => (await cluster.leader()) === other, 'the other to lead');
  });

  it('cuts a member off from the others, which go on without it', async () => {
    const [member, ...others] = cluster.members;
    member!.isolate();
    const urls = others.map(({ url }) => url);
    await until(
      () =>
        etcdctl(urls, ['put', '/b', '2']).then(
          () => true,
          () => false,
        ),
      'the others to have a leader',
      20_000,
    );
    assert.equal(await reads(member!.url, '/b'), false);
    member!.rejoin();
    await until(() => reads(member!.url, '/b'), 'the member to be back', 20_000);
  });

  it('takes a member back that has lost its data', async () => {
    const [member] = cluster.members;
    await cluster.ctl('put', '/c', '3');
    await member!.restart({ wipe: true });
    await until(() => reads(member!.url, '/c'), 'the member to be back', 20_000);
  });
});

/** Whether a member can show this key, in agreement with the others. */
function reads(url: string, key: string): Promise<boolean> {
  return etcdctl([url], ['--command-timeout=1s', 'get', key]).then(
    (text) => text.includes(key),
    () => false,
  );
}
