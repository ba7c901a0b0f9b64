import { connect } from './client.mjs';

/*
 * Calls the service `bare` of the server on this port, and prints what comes:
 *
 *     node examples/bare-client/main.mjs 4399
 */
const client = await connect(Number(process.argv[2]));
console.log('greeted by protocol version', client.hello.version);

const [sum, text] = await Promise.all([
  client.call('bare', 'add', 2, 3),
  client.call('bare', 'echo', { list: [1.5, -7, null, true, '\u00e9'.repeat(40)] }),
]);
console.log('two calls at once:', sum, JSON.stringify(text));

try {
  await client.call('bare', 'fail', 'Bob');
} catch (error) {
  console.log('a failing call:', error.message, error.handlerRan, JSON.stringify(error.details));
}
try {
  await client.call('bare', 'nothing');
} catch (error) {
  console.log('no such method:', error.code, error.handlerRan);
}

// Far more than the credit at the start of a stream and of a connection: it ends only if all of it is granted back.
let items = 0;
let bytes = 0;
for await (const item of client.stream('bare', 'chunks', 100, 40_000)) {
  items++;
  bytes += item.length;
}
console.log('a stream:', items, 'items', bytes, 'bytes');

for await (const item of client.stream('bare', 'endless')) if (item === 3) break;
console.log('left an endless stream');

await client.ping();
console.log('pinged');
client.close();
