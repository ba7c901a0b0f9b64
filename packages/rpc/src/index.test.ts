import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as rpc from '@org/rpc';

const run = promisify(execFile);

/** Everything that is not only a type, by kind. */
const EXPORTS = {
  'what programs begin with': ['createClient', 'createServer', 'configure'],
  contracts: ['defineService', 'method', 'stream', 'upload', 'duplex', 'notify'],
  registries: ['local', 'memory', 'direct', 'dns', 'several', 'remembered', 'etcd', 'registryFrom'],
  protocols: ['messagePackRpc'],
  errors: ['RpcError', 'isRpcError'],
  'what handlers use': ['callContext', 'contextKey', 'detached'],
  'balancing policies': [
    'p2c',
    'roundRobin',
    'weightedRoundRobin',
    'random',
    'leastActive',
    'localFirst',
    'consistentHash',
    'NodeStatus',
    'wasTried',
  ],
  'what layers and codecs are made of': [
    'Call',
    'CallTrail',
    'msgpack',
    'CodecError',
    'UnknownExtension',
    'Float',
    'float',
  ],
  'calls from a server to its client': ['callingBack', 'answerCallbacks'],
  'layers to put in': [
    'resultCache',
    'coalesce',
    'callKey',
    'idempotencyKeys',
    'idempotentCalls',
    'memoryIdempotencyStore',
  ],
  'watching and operating': ['observe', 'CHANNELS', 'Health', 'Operator', 'OPERATOR_TOKEN_KEY', 'Reflection'],
  'defaults and time': ['DEFAULT_LIMITS', 'systemClock', 'systemRandom', 'endpointAddress'],
};

describe('@org/rpc', () => {
  for (const [kind, names] of Object.entries(EXPORTS))
    it(`has ${kind}: ${names.join(', ')}`, () => {
      for (const name of names) assert.notEqual((rpc as Record<string, unknown>)[name], undefined, name);
    });

  it('has nothing else: what is exported is promised', () => {
    assert.deepEqual(Object.keys(rpc).sort(), Object.values(EXPORTS).flat().sort());
  });

  it('loads etcd3 with the first use of an etcd registry, not with its import or its options', async function () {
    // It compiles the sources of all packages, which takes as long as the machine has other things to do.
    this.timeout(60_000);
    const script = `
      import { createRequire } from 'node:module';
      import { createClient, createServer, defineService, etcd, method } from '@org/rpc';
      const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((file) => /[\\\\/]etcd3[\\\\/]/.test(file));
      const client = createClient({ registry: 'etcd://127.0.0.1:1' });
      createServer({ registry: etcd({ hosts: ['http://127.0.0.1:1'] }) });
      const before = loaded();
      const keepAlive = setInterval(() => {}, 1_000);
      const event = new Promise((resolve) => client.on('registry', resolve));
      client.service(defineService('calculator', { sum: method() }));
      await event;
      console.log(JSON.stringify([before, loaded()]));
      clearInterval(keepAlive);
      await client.close();
    `;
    const flags = ['--import', 'tsx', '--conditions=@org/source', '--input-type=module', '--eval', script];
    const { stdout } = await run(process.execPath, flags, { timeout: 59_000 });
    assert.deepEqual(JSON.parse(stdout), [false, true]);
  });
});
