import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type EtcdServer, startEtcd } from '../../packages/registry-etcd/test/etcd-fixture.js';
import { freePorts } from '../../packages/registry-etcd/test/etcd-member.js';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** A process of the system. */
class Process {
  readonly child: ChildProcess;
  readonly exited: Promise<readonly [code: number | null, signal: string | null]>;
  probes = 0;

  constructor(script: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    const words = ['--import=tsx', '--conditions=@org/source', path(script), ...args];
    this.child = spawn(process.execPath, words, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    this.exited = once(this.child, 'exit') as Promise<[number | null, string | null]>;
  }

  async untilReady(): Promise<this> {
    const [line] = (await once(createInterface(this.child.stdout!), 'line')) as [string];
    this.probes = Number(line);
    while ((await this.probe('readyz')) !== 200);
    return this;
  }

  /** The status of a probe; 0 where nobody answers. */
  async probe(name: 'livez' | 'readyz'): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.probes}/${name}`).catch(() => undefined);
    await response?.text();
    return response?.status ?? 0;
  }
}

describe('the system of docs/deploying.md, in processes of its own', function () {
  this.timeout(120_000);
  let etcd: EtcdServer;
  let base: string;
  let gateway: Process;
  const env: NodeJS.ProcessEnv = {};
  const processes: Process[] = [];
  const begin = (script: string, ...args: string[]): Process => {
    const started = new Process(script, args, env);
    processes.push(started);
    return started;
  };
  const get = async (where: string): Promise<readonly [status: number, body: string, retryAfter: string | null]> => {
    const response = await fetch(base + where);
    return [response.status, await response.text(), response.headers.get('Retry-After')];
  };

  before(async () => {
    etcd = await startEtcd();
    const [port] = await freePorts(1);
    Object.assign(env, { RPC_REGISTRY: `etcd://127.0.0.1:${etcd.port}`, NODE_ENV: 'production', HTTP_PORT: `${port}` });
    base = `http://127.0.0.1:${port}`;
    gateway = begin('gateway.ts');
    const services = ['users', 'users', 'orders', 'stock'].map((name) => begin('service-process.ts', name));
    await Promise.all(services.map((service) => service.untilReady()));
    while ((await fetch(`${base}/none/`).catch(() => undefined))?.status !== 404);
    // A server is ready before the registry has it: whoever is first finds nobody.
    for (const name of ['users', 'orders', 'stock']) while ((await get(`/${name}/7`))[0] !== 200);
  });
  after(async () => {
    for (const { child } of processes) child.kill('SIGKILL');
    await etcd.stop();
  });

  it('answers, and says of each failure what the page says', async () => {
    for (const name of ['users', 'orders', 'stock']) {
      const [status, body] = await get(`/${name}/7`);
      assert.equal(status, 200, body);
      assert.match(body, new RegExp(`^${name} 7 of `));
    }
    assert.deepEqual(await get('/users/missing'), [404, 'there is no "missing" in users', null]);
    assert.deepEqual(await get('/users/bug'), [500, 'INTERNAL', null]);
    assert.deepEqual(await get('/stock/busy'), [429, 'RESOURCE_EXHAUSTED', '3']);
    assert.deepEqual(await get('/orders/never'), [504, 'DEADLINE_EXCEEDED', null]);
  });

  it('replaces every instance of a service one after the other, and no request fails', async () => {
    const failed: unknown[] = [];
    let isOver = false;
    let asked = 0;
    const ask = async (): Promise<void> => {
      while (!isOver) {
        const answer = await get('/users/7').catch((error: unknown) => [0, String(error)]);
        asked++;
        if (answer[0] !== 200) failed.push(answer);
      }
    };
    const asking = Promise.all([1, 2, 3, 4].map(ask));
    for (const old of processes.slice(1, 3)) {
      await begin('service-process.ts', 'users').untilReady();
      old.child.kill('SIGTERM');
      // Not ready any more, and alive to the end.
      while ((await old.probe('readyz')) === 200);
      assert.deepEqual(await old.exited, [0, null]);
    }
    isOver = true;
    await asking;
    assert.deepEqual(failed, []);
    assert.ok(asked > 100, `${asked} requests`);
  });

  it('stops on SIGTERM: what runs is answered, the process ends with 0, and then nobody is there', async () => {
    const [stock] = processes.slice(4, 5) as [Process];
    const running = get('/stock/slow');
    await get('/stock/7');
    stock.child.kill('SIGTERM');
    const [status, body] = await running;
    assert.equal(status, 200, body);
    assert.deepEqual(await stock.exited, [0, null]);
    assert.deepEqual(await get('/stock/7'), [503, 'UNAVAILABLE', null]);
  });

  it('has a gateway that answers what has come and then ends by itself', async () => {
    const running = get('/orders/slow');
    await get('/orders/7');
    gateway.child.kill('SIGTERM');
    const [status, body] = await running;
    assert.equal(status, 200, body);
    assert.deepEqual(await gateway.exited, [0, null]);
  });

  it('has the gateway that the page shows', () => {
    const page = readFileSync(path('../../docs/deploying.md'), 'utf8');
    assert.ok(
      page.includes(`// gateway.ts\n${readFileSync(path('gateway.ts'), 'utf8')}`),
      'docs/deploying.md shows another gateway.ts',
    );
  });
});
