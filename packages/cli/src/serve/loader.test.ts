import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loaderFor } from './loader.js';

describe('the loader of a program that is served', () => {
  const here = fileURLToPath(import.meta.url);

  it('is none for JavaScript, where Node.js runs TypeScript, and where one is named already', () => {
    assert.deepEqual(loaderFor('/app/server.mjs', {}, [], false), []);
    assert.deepEqual(loaderFor(here, {}, [], true), []);
    assert.deepEqual(loaderFor(here, {}, ['--import=tsx'], false), []);
    assert.deepEqual(loaderFor(here, { NODE_OPTIONS: '--import @swc-node/register/esm-register' }, [], false), []);
  });

  it('is tsx where that is installed beside the program, else an error says what to do', () => {
    assert.match(loaderFor(here, {}, [], false).join(' '), /^--import=file:\/\/.*node_modules\/tsx\//);
    assert.throws(() => loaderFor(join(tmpdir(), 'server.ts'), {}, [], false), {
      message:
        /server\.ts is TypeScript, which this Node\.js does not run by itself: npm install --save-dev tsx, or build/,
    });
  });
});
