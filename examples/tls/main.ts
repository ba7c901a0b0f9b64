import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callContext, createClient, createServer, defineService, direct, memory, method } from '@org/rpc';
import { createAuthority, issue } from './certificates.js';

const Greeter = defineService('greeter', { hello: method<() => string>() });

const folder = mkdtempSync(join(tmpdir(), 'rpc-tls-'));
const ca = createAuthority(folder);
const greeter = issue(folder, 'greeter', 'IP:127.0.0.1');
const web = issue(folder, 'web', 'URI:spiffe://example/web');
rmSync(folder, { recursive: true });

const server = createServer({ registry: memory(), tls: { ...greeter, ca, requestClientCertificate: 'require' } });
server.add(Greeter, { hello: () => `hello, ${callContext()?.peer.identity}` });
const { port } = await server.listen({ host: '127.0.0.1' });

const client = createClient({ registry: direct([`127.0.0.1:${port}`]), tls: { ...web, ca } });
console.log(await client.service(Greeter).hello());
await client.close();

const nobody = createClient({ registry: direct([`127.0.0.1:${port}`]), tls: { ca } });
await nobody
  .service(Greeter)
  .hello()
  .catch((error: Error) => console.log(error.message));
await nobody.close();

await server.close();
