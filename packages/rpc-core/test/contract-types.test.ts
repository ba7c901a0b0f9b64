import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { compile, readOptions } from './compile.js';
import { type ConsumerProject, createConsumerProject } from './consumer-project.js';
import { typedContract, typedUse, zodContract, zodUse } from './generated-contract.js';

const METHODS = 1_000;
const SMALL = { 'contract.ts': typedContract(16), 'use.ts': typedUse(16) };

describe('the types of a contract', function () {
  this.timeout(120_000);

  it('accept and refuse what test/types says', () => {
    const folder = fileURLToPath(new URL('./types', import.meta.url));
    const options = readOptions(fileURLToPath(new URL('../../../tsconfig.test.json', import.meta.url)));
    const files = ts.sys.readDirectory(folder, ['.ts']);
    assert.ok(files.length >= 6, files.join());
    assert.deepEqual(compile(files, options).errors, []);
  });

  describe('in the project of a user', () => {
    let project: ConsumerProject;
    before(() => {
      project = createConsumerProject();
    });
    after(() => project.remove());

    it('compile with declarations, exact optional properties, isolated modules and pnpm', () => {
      const { errors, declarations } = project.compile(SMALL);
      assert.deepEqual(errors, []);
      assert.deepEqual(
        [...declarations.keys()].map((file) => file.slice(file.lastIndexOf('/') + 1)),
        ['contract.d.ts', 'use.d.ts'],
      );
    });

    it('compile where libraries are checked too', () => {
      const options = { skipLibCheck: false, lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'], types: [] };
      assert.deepEqual(project.compile(SMALL, options).errors, []);
    });

    it('know AbortSignal although the project has no types of Node.js', () => {
      const use = `import type { CallOptions } from '@org/rpc';\nexport const options: CallOptions = { signal: 5 };\n`;
      assert.match(project.compile({ 'use.ts': use }).errors.join(), /^use\.ts:2 TS2322 .*'number'.*'AbortSignal/);
    });

    const messages: readonly (readonly [string, RegExp])[] = [
      [
        "defineService('a', { bad: method() })",
        /'WriteInstead<"method<\(x: number\) => number>\(\) or method\(\{ args/,
      ],
      ["defineService('a', { bad: method({ idempotent: true }) })", /'WriteInstead<"method<.*returns: schema \}\)">'/],
      [
        "defineService('a', { bad: stream() })",
        /'WriteInstead<"stream<\(limit: number\) => AsyncIterable<number>>\(\)">'/,
      ],
      ["defineService('a', { bad: upload() })", /'WriteInstead<"upload<\(chunks: AsyncIterable<Uint8Array>, .*">'/],
      ["defineService('a', { bad: duplex() })", /'WriteInstead<"duplex<\(messages: AsyncIterable<string>\) => .*">'/],
      ["defineService('a', { bad: notify() })", /'WriteInstead<"notify<\(event: string\) => void>\(\)">'/],
      [
        "defineService('a', { bad: method<() => AsyncIterable<number>>() })",
        /'WriteInstead<"stream<\(\) => AsyncIterable</,
      ],
      ["defineService('a', { then: method<() => void>() })", /"rpc: the method name \\"then\\" is reserved"/],
      ['method({ args: z.string() })', /'ZodString' is not assignable to type 'ArgsSchema \| undefined'/],
      ['method<() => void>({ timeout: 5 })', /'timeout' does not exist .* Did you mean to write 'timeoutMs'\?/],
      ["service('users')", /'"rpc: name the interface, client\.service<Users>/],
    ];
    it('say in the error what to write', () => {
      const header = `import { defineService, duplex, method, type MustName, notify, stream, upload } from '@org/rpc';
import * as z from 'zod';
declare function service<I extends object = never>(name: [I] extends [never] ? MustName : string): I;
export const used = [defineService, duplex, method, notify, stream, upload, z, service];\n`;
      const { errors } = project.compile({ 'use.ts': header + messages.map(([text]) => `${text};\n`).join('') });
      for (const [index, [text, expected]] of messages.entries()) {
        const found = errors.filter((error) => error.startsWith(`use.ts:${index + 5} `));
        assert.equal(found.length, 1, `${text}: ${errors.join('\n')}`);
        assert.match(`${text}: ${found[0]}`, expected);
      }
      assert.equal(errors.length, messages.length);
    });

    it(`cost at most 250 instantiations a method, with ${METHODS} methods, handlers and calls`, () => {
      const none = project.compile({ 'contract.ts': typedContract(0), 'use.ts': typedUse(0) }, CHECK_ONLY);
      const all = project.compile({ 'contract.ts': typedContract(METHODS), 'use.ts': typedUse(METHODS) }, CHECK_ONLY);
      assert.deepEqual([none.errors, all.errors], [[], []]);
      const each = (all.instantiations - none.instantiations) / METHODS;
      assert.ok(each > 0 && each <= 250, `${each} a method`);
    });

    it(`are declared in less than 300 bytes a method, with ${METHODS} methods`, () => {
      const { errors, declarations } = project.compile({ 'contract.ts': typedContract(METHODS) });
      assert.deepEqual(errors, []);
      const bytes = [...declarations.values()].join('').length / METHODS;
      assert.ok(bytes > 50 && bytes < 300, `${bytes} a method`);
    });

    it(`are declared in less than 400 bytes a method from schemas, with ${METHODS} methods`, () => {
      const { errors, declarations } = project.compile({
        'contract.ts': zodContract(METHODS),
        'use.ts': zodUse(METHODS),
      });
      assert.deepEqual(errors, []);
      const bytes = [...declarations.values()].join('').length / METHODS;
      assert.ok(bytes > 50 && bytes < 400, `${bytes} a method`);
    });
  });

  it('must be exported by whoever passes on the functions, or users cannot emit declarations', () => {
    const project = createConsumerProject("export { defineService, method } from '@org/rpc-core';");
    after(() => project.remove());
    const { errors } = project.compile({ 'contract.ts': typedContract(1) });
    assert.match(errors.join(), /TS2883 .*'MethodDeclaration'/);
  });
});

const CHECK_ONLY: ts.CompilerOptions = { composite: false, declaration: false, noEmit: true };
