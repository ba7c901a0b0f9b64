import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// What a run of the tests learns of its registries is forgotten with it: a later one may meet another etcd on the same port.
const directory = mkdtempSync(join(tmpdir(), 'rpc-cache-'));
process.env['XDG_CACHE_HOME'] = directory;
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
