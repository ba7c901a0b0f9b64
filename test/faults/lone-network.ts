// A process with a network, and names, of its own: `unshare -rnm node lone-network.ts KIND DIRECTORY`. Does one of the kinds below with real
// sockets, and writes what it saw and what was not as promised, in a line of JSON.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient, createServer, direct, dns, memory, type Registry, type Server } from '@org/rpc';
import { startDnsServer, type Zone } from '../../packages/registry/test/dns-server.js';
import { Probe } from './service.js';

const [kind = '', directory = ''] = process.argv.slice(2);
const notes: string[] = [];
const problems: string[] = [];
const PORT = 30_000;
/** An address that leads nowhere: packets go out, and nobody is there. */
const NOWHERE = '2001:db8::2';

const run = (command: string): unknown =>
  execFileSync('sh', ['-c', command], { stdio: ['ignore', 'ignore', 'inherit'] });
const check = (holds: boolean, problem: string): unknown => holds || problems.push(problem);

async function serve(host: string, answer: number): Promise<Server> {
  const server = createServer({ registry: memory() });
  server.add(Probe, { ask: () => answer, once: () => answer, fail() {} });
  await server.listen({ host, port: PORT });
  return server;
}

const clientOf = (registry: Registry): Client => createClient({ registry });
const asks = (client: Client, timeoutMs = 2_000): Promise<number> => client.service(Probe).with({ timeoutMs }).ask(0);

/** Calls again and again for so long. @returns how many failed, and the last answer */
async function callFor(client: Client, ms: number): Promise<{ failed: number; made: number; last: number }> {
  const beganAt = performance.now();
  let [failed, made, last] = [0, 0, 0];
  while (performance.now() - beganAt < ms) {
    made++;
    await asks(client).then(
      (answer) => (last = answer),
      () => failed++,
    );
    await sleep(2);
  }
  return { failed, made, last };
}

/** Asked of the operating system, as `getaddrinfo` does it. */
function setNames(file: 'hosts' | 'resolv.conf', text: string): void {
  const own = join(directory, file);
  writeFileSync(own, text);
  run(`mount --bind ${own} /etc/${file}`);
}

const KINDS: Readonly<Record<string, () => Promise<void>>> = {
  async 'names-gone'() {
    const servers = await Promise.all([serve('127.0.0.1', 1), serve('127.0.0.2', 2)]);
    const names = await startDnsServer({ 'probe.test': { a: ['127.0.0.1'], ttl: 1 } });
    const client = clientOf(dns(`probe.test:${PORT}`, { servers: [names.address], refreshMs: 1_000, timeoutMs: 500 }));
    await client.ready(Probe);
    const phases: [what: string, zone: Zone | undefined, answer: number][] = [
      ['fails', 'SERVFAIL', 1],
      ['is silent', 'silent', 1],
      ['does not know the name', undefined, 1],
      ['gives another address', { a: ['127.0.0.2'], ttl: 1 }, 2],
      [
        'gives 200 addresses',
        { a: Array.from({ length: 200 }, (_, at) => `127.0.1.${at + 1}`).concat('127.0.0.2'), ttl: 1 },
        2,
      ],
    ];
    let [total, lost] = [0, 0];
    for (const [what, zone, answer] of phases) {
      if (zone === undefined) names.zones.delete('probe.test');
      else names.zones.set('probe.test', zone);
      // The one that is no longer named goes: what is no longer listed is called only while it answers.
      if (what === 'gives another address') await servers[0]!.close({ drainMs: 3_000 });
      const { failed, made, last } = await callFor(client, 4_000);
      total += made;
      lost += failed;
      check(failed === 0, `${failed} of ${made} calls failed while DNS ${what}`);
      check(last === answer, `server ${last} answers in the end, and not ${answer}, while DNS ${what}`);
    }
    notes.push(`${lost} of ${total} calls failed meanwhile`);
    await client.close();
    await servers[1]!.close();
    await names.close();
  },

  async 'names-silent'() {
    run('ip link add va type veth peer name vb && ip link set va up && ip link set vb up');
    run('ip addr add 192.0.2.1/24 dev va');
    setNames('hosts', '127.0.0.1 localhost\n');
    setNames('resolv.conf', 'nameserver 192.0.2.2\n');
    const server = await serve('127.0.0.1', 1);
    const good = clientOf(direct([`127.0.0.1:${PORT}`]));
    await good.ready(Probe);
    const lost = Array.from({ length: 8 }, (_, at) => clientOf(direct([`no-${at}.test:${PORT}`])));
    let longestMs = 0;
    const one = async (client: Client): Promise<void> => {
      const startedAt = performance.now();
      const error = await asks(client, 500).catch((error: Error) => error);
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      check(
        /UNAVAILABLE|DEADLINE_EXCEEDED/.test(String(error)),
        `a call to a name without an address came as ${error}`,
      );
    };
    const [well] = await Promise.all([callFor(good, 4_000), ...lost.map(one)]);
    check(well.failed === 0, `${well.failed} of ${well.made} calls to an address failed`);
    check(longestMs < 1_500, `a call of 500 ms took ${longestMs.toFixed(0)} ms`);
    notes.push(
      `${well.failed} of ${well.made} calls to an address failed; calls of 500 ms to names ended after ${longestMs.toFixed(0)} ms`,
    );
    await Promise.all([good, ...lost].map((client) => client.close()));
    await server.close();
  },

  async 'address-families'() {
    run('ip link add va type veth peer name vb && ip link set va up && ip link set vb up');
    // Where a machine has no address of a family but that of itself, the system looks for none of that family.
    run('ip -6 addr add 2001:db8::1/64 dev va nodad && ip addr add 192.0.2.1/24 dev va');
    setNames('hosts', `127.0.0.1 both\n::1 both\n::1 six\n127.0.0.1 lost\n${NOWHERE} lost\n`);
    const ways: [what: string, listens: string, name: string][] = [
      ['IPv6 alone', '::1', 'six'],
      ['the address of IPv6 alone', '::1', '[::1]'],
      ['both, and IPv6 alone is served', '::1', 'both'],
      ['both, and IPv4 alone is served', '127.0.0.1', 'both'],
      ['both, and IPv6 leads nowhere', '127.0.0.1', 'lost'],
    ];
    for (const [what, listens, name] of ways) {
      const server = await serve(listens, 1);
      const client = clientOf(direct([`${name}:${PORT}`]));
      const startedAt = performance.now();
      await asks(client).catch((error: Error) => problems.push(`${what}: ${error.message}`));
      const firstMs = performance.now() - startedAt;
      const { failed, made } = await callFor(client, 300);
      check(failed === 0, `${failed} of ${made} calls failed: ${what}`);
      notes.push(`${what}: first answer after ${firstMs.toFixed(0)} ms`);
      await client.close();
      await server.close({ drainMs: 0, graceMs: 0 });
    }
  },

  async 'ports-exhausted'() {
    writeFileSync('/proc/sys/net/ipv4/ip_local_port_range', '40000 40009');
    const server = await serve('127.0.0.1', 1);
    const early = clientOf(direct([`127.0.0.1:${PORT}`]));
    await early.ready(Probe);
    const taken: Socket[] = [];
    for (let isLeft = true; isLeft; ) {
      const socket = connect(PORT, '127.0.0.1');
      taken.push(socket);
      isLeft = await new Promise((resolve) =>
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
      );
    }
    const late = clientOf(direct([`127.0.0.1:${PORT}`]));
    const error = await asks(late, 1_000).catch((error: Error) => error);
    check(/UNAVAILABLE.*no local port is free.*EADDRNOTAVAIL/.test(String(error)), `a new client was told: ${error}`);
    const { failed, made } = await callFor(early, 1_000);
    check(failed === 0, `${failed} of ${made} calls over the connection that was there failed`);
    for (const socket of taken) socket.resetAndDestroy();
    const freedAt = performance.now();
    // A call does not wait for what is known to fail: others follow it.
    const isBack = async (): Promise<boolean> => (await asks(late).catch(() => 0)) === 1;
    while (!(await isBack()) && performance.now() - freedAt < 10_000) await sleep(10);
    check(await isBack(), 'a new client calls nobody after ten seconds');
    const backMs = performance.now() - freedAt;
    notes.push(
      `${failed} of ${made} calls over the connection that was there failed; a new client is told \`UNAVAILABLE\` and why, and calls ${backMs.toFixed(0)} ms after there are some`,
    );
    await Promise.all([early.close(), late.close()]);
    await server.close({ drainMs: 0, graceMs: 0 });
  },
};

run('ip link set lo up');
await KINDS[kind]!().catch((error: Error) => problems.push(String(error.stack)));
process.stdout.write(`${JSON.stringify({ notes, problems })}\n`);
process.exit();
