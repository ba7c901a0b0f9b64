// Somebody who means harm, in a process of their own: `hostile-process.ts PORT KIND`, a kind of `HOSTILE`, until it is killed.
import { connect, type Socket } from 'node:net';
import { HOSTILE, type Hostile } from './hostile.js';

const [port, kind = ''] = process.argv.slice(2);
const given = HOSTILE[kind];
if (given === undefined) throw new TypeError(`KIND must be one of ${Object.keys(HOSTILE).join(', ')}, not ${kind}`);
const hostile: Hostile = given;
const beganAt = performance.now();
let begun = 0;
let open = 0;

function begin(): void {
  begun++;
  open++;
  const socket: Socket = connect(
    { host: '127.0.0.1', port: Number(port), localAddress: '127.0.0.66', noDelay: true },
    () => {
      socket.write(hostile.first);
      if (hostile.leaves) socket.once('data', () => socket.destroy());
      if (hostile.next === undefined) return;
      let round = 0;
      const send = (): void => {
        if (!socket.destroyed && socket.writableLength < 1024 * 1024) socket.write(hostile.next!(round++));
      };
      const timer = setInterval(send, hostile.everyMs ?? 10);
      socket.once('close', () => clearInterval(timer));
    },
  );
  if (hostile.unread) socket.pause();
  else socket.resume();
  socket.on('error', () => {});
  socket.once('close', () => open--);
}

setInterval(() => {
  const due = ((performance.now() - beganAt) * hostile.perSecond) / 1_000;
  for (let each = 0; each < 200 && begun < due; each++) {
    if (open < hostile.open) begin();
    else begun++;
  }
}, 5);
