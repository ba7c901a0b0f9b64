// Opens so many new connections a second to a port, greets on each and leaves: `flood-process.ts PORT PER_SECOND tls|tcp`.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

const [port, perSecond, how] = process.argv.slice(2);
const target = { host: '127.0.0.1', port: Number(port) };
/** What a native client sends first: the preface and an empty HELLO, which is answered by a goodbye. */
const GREETING = Buffer.from([0xc1, 0x52, 0x50, 0x43, 0x01, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0x80]);
const beganAt = performance.now();
let begun = 0;

function open(): void {
  begun++;
  const greet = (): boolean => socket.write(GREETING);
  const socket: Socket =
    how === 'tls'
      ? connectTls({ ...target, rejectUnauthorized: false, ALPNProtocols: ['rpc/1'] }, greet)
      : connect(target, greet);
  socket.on('error', () => {});
  socket.once('data', () => socket.destroy());
  socket.setTimeout(2_000, () => socket.destroy());
}

setInterval(() => {
  const due = ((performance.now() - beganAt) * Number(perSecond)) / 1_000;
  for (let each = 0; each < 200 && begun < due; each++) open();
}, 5);
