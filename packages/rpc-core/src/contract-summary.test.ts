import assert from 'node:assert/strict';
import * as v from 'valibot';
import { z } from 'zod';
import { defineService, duplex, method, notify, stream, upload } from './contract.js';
import {
  CONTRACTS_LENGTH_MAX,
  contractDifferences,
  contractSummary,
  joinContracts,
  readContracts,
} from './contract-summary.js';
import type { ServiceDefinition } from './contract-types.js';

const summary = (methods: object, declared?: (method: string) => number): string =>
  contractSummary(defineService('shop', methods as never) as ServiceDefinition, declared);
const methodsOf = (text: string) => readContracts(text).get('shop')!;
const differences = (client: object, server: object): readonly string[] =>
  contractDifferences(methodsOf(summary(client)), methodsOf(summary(server))).map(
    ({ method: name, text }) => `${name}: ${text}`,
  );

describe('the summary of a contract', () => {
  it('has its methods in order, with kind, idempotency and how many arguments handlers declare', () => {
    const methods = {
      view: notify<(id: string) => void>(),
      find: method<(id: string) => string>({ idempotent: true }),
      all: stream<() => AsyncIterable<string>>(),
      put: upload<(items: AsyncIterable<string>) => void>(),
      talk: duplex<(items: AsyncIterable<string>) => AsyncIterable<string>>(),
    };
    assert.equal(summary(methods), 'shop(all=s,find=u!,put=p,talk=d,view=n)');
    assert.equal(
      summary(methods, (name) => name.length),
      'shop(all=s/3,find=u!/4,put=p/3,talk=d/4,view=n/4)',
    );
  });

  it('has a digest of schemas that become JSON Schema, whatever order and words they have', () => {
    const given = (args: object[]) => summary({ find: method({ args: args as never }) });
    const plain = given([z.object({ a: z.string(), description: z.number() })]);
    assert.match(plain, /^shop\(find=u:1#[0-9a-f]{8}\)$/);
    assert.equal(given([z.object({ description: z.number(), a: z.string().describe('a text') })]), plain);
    assert.notEqual(given([z.object({ a: z.string(), description: z.string() })]), plain);
    assert.notEqual(given([z.object({ a: z.string() })]), plain);
    assert.equal(given([v.string(), v.number()]), 'shop(find=u:2)');
    assert.equal(summary({ find: method({ args: v.tuple([v.string()]) }) }), 'shop(find=u:)');
  });

  it('is read as it was written, and what cannot be read means nothing', () => {
    assert.deepEqual(methodsOf('shop(find=u!:2#0123abcd)').get('find'), {
      kind: 'unary',
      idempotent: true,
      isChecked: true,
      argumentCount: 2,
      digest: '0123abcd',
    });
    assert.deepEqual([...readContracts('users shop2 a(b=u (c=u) d(e=u)) \n').keys()], []);
    assert.deepEqual([...methodsOf('shop(find=u,order=?,=u,x=u/1234) users').keys()], ['find']);
    assert.equal(readContracts(`shop(${'a=u,'.repeat(CONTRACTS_LENGTH_MAX / 4)})`).size, 0);
  });

  it('leaves whole services out of a text that would be too long', () => {
    const long = `long(${'x=u,'.repeat(2_000)}y=u)`;
    assert.equal(joinContracts([long, 'shop(find=u)', 'users(get=u)']), `${long} shop(find=u) users(get=u)`);
    assert.equal(joinContracts(['shop(find=u)', `${long}${long}`, 'users(get=u)']), 'shop(find=u) users(get=u)');
  });
});

describe('two contracts of a service', () => {
  it('differ in what would surprise one side', () => {
    assert.deepEqual(
      differences(
        { a: method<() => void>(), b: method<() => void>(), c: method<() => void>({ idempotent: true }) },
        { b: notify<() => void>(), c: method<() => void>() },
      ),
      [
        'a: the server has no such method',
        'b: unary to the client, notify to the server',
        'c: idempotent to the client, which may repeat it, and not to the server',
      ],
    );
    assert.deepEqual(
      differences(
        { a: method({ args: [z.string()] }), b: method({ args: [z.string()] }) },
        { a: method({ args: [z.string(), z.string()] }), b: method({ args: [z.number()] }) },
      ),
      ['a: 1 argument to the client, 2 to the server', 'b: the schemas of client and server are not the same'],
    );
  });

  it('do not differ in what servers are given first, nor in what nobody can know', () => {
    assert.deepEqual(
      differences(
        { a: method<() => void>() },
        { a: method<() => void>({ idempotent: true }), b: method<() => void>() },
      ),
      [],
    );
    assert.deepEqual(differences({ a: method<() => void>() }, { a: method({ args: [z.string()] }) }), []);
    assert.deepEqual(differences({ a: method({ args: [v.string()] }) }, { a: method({ args: [z.string()] }) }), []);
  });
});
