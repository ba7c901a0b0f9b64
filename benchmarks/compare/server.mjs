// One server process of one peer: node server.mjs PEER PORTS SCENARIO (JSON), a server a port. Answers each message with what it
// has used so far.
import './lib/ballast.mjs';

const [peer, ports, json] = process.argv.slice(2);
const scenario = JSON.parse(json);
const { serve } = await import(`./peers/${peer}.mjs`);
const pids = [];
for (const port of ports.split(',')) pids.push(...((await serve(Number(port), scenario))?.pids ?? []));

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpuUs: user + system, rssBytes: process.memoryUsage.rss() });
});
process.on('disconnect', () => process.exit(0));
process.send({ ready: true, pids });
