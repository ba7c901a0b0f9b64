/*
 * The packages msgpack5rpc and neovim: `LIBRARY client PORT` calls Peer and prints a line for each case, `LIBRARY server PORT` is
 * called. Neither can write a map with other keys than texts.
 */
const net = require('node:net');

const [library, role, port] = process.argv.slice(2);

/** Of either library: `request`, `notify`, and the events of what the other side asks. */
function attach(socket) {
  if (library === 'msgpack5rpc') {
    const Session = require('msgpack5rpc');
    const session = new Session();
    session.attach(socket, socket);
    return session;
  }
  const { Transport } = require('neovim/lib/utils/transport.js');
  const transport = new Transport();
  transport.attach(socket, socket, {});
  return transport;
}

function call(session, method, ...args) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer in 3 s')), 3_000);
    session.request(method, args, (error, result) => {
      clearTimeout(timer);
      if (error) reject(new Error(String(error)));
      else resolve(result);
    });
  });
}

async function same(session, value) {
  const result = await call(session, 'Peer.Echo', value);
  if (JSON.stringify(result) !== JSON.stringify(value)) throw new Error(`it came back as ${JSON.stringify(result)}`);
}

async function fails(session, method, code) {
  const error = await call(session, method).then(
    () => new Error('it did not fail'),
    (reason) => reason,
  );
  if (!error.message.includes(code)) throw error;
}

const CASES = {
  call: (session) => same(session, 'hi'),
  error: (session) => fails(session, 'Peer.Fail', 'NOT_FOUND'),
  'unknown method': (session) => fails(session, 'Peer.Nothing', 'UNIMPLEMENTED'),
  notify: async (session) => {
    session.notify('Peer.Note', [1]);
    const count = await call(session, 'Peer.Noted');
    if (count !== 1) throw new Error(`${count} came`);
  },
  'still there': (session) => same(session, 2),
};

async function runClient() {
  const session = attach(net.connect(Number(port), '127.0.0.1'));
  for (const [name, run] of Object.entries(CASES))
    await run(session).then(
      () => console.log(`${name}\tok`),
      (error) => console.log(`${name}\t${error.message.replaceAll('\n', ' ')}`),
    );
  process.exit(0);
}

function runServer() {
  let noted = 0;
  const handlers = { Echo: (value) => value, Noted: () => noted };
  const listener = net.createServer((socket) => {
    const session = attach(socket);
    session.on('request', (method, args, response) => {
      const handler = handlers[method.replace('Peer.', '')];
      if (method === 'Peer.Odd') response.send('n/a: the library cannot write one', true);
      else if (handler === undefined) response.send('NOT_FOUND: as asked', true);
      else response.send(handler(...args), false);
    });
    session.on('notification', () => noted++);
  });
  listener.listen(Number(port), '127.0.0.1', () => console.log('listening'));
}

if (role === 'client') runClient();
else runServer();
