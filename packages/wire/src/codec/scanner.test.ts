import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { codecError, encoded, hex } from '../../test/codec-helpers.js';
import { createScanner, type ScannerLimits } from './scanner.js';

const scan = (bytes: Buffer, limits: Partial<ScannerLimits> = {}): number =>
  createScanner({ ...DEFAULT_LIMITS, ...limits }).push(bytes, 0, bytes.length);
const refuses = (bytes: string, message: RegExp, limits: Partial<ScannerLimits> = {}): void =>
  assert.throws(() => scan(hex(bytes), limits), codecError(message), bytes);

describe('scanner', () => {
  it('finds the end of every kind of value', () => {
    const values = [
      '00',
      'e0',
      'c0',
      'c2',
      'c3',
      'a0',
      'a1 61',
      '90',
      '80',
      '91 c0',
      '81 a0 c0',
      'd4 01 02',
      'c7 00 01',
    ];
    values.push('cc 01', 'cd 00 01', 'ce 00 00 00 01', 'd0 01', 'd1 00 01', 'd2 00 00 00 01', 'ca 00 00 00 00');
    values.push('cf 00 00 00 00 00 00 00 01', 'd3 00 00 00 00 00 00 00 01', 'cb 00 00 00 00 00 00 00 00');
    values.push('d9 01 61', 'da 00 01 61', 'db 00 00 00 01 61', 'c4 01 61', 'c5 00 01 61', 'c6 00 00 00 01 61');
    values.push(
      'dc 00 01 c0',
      'dd 00 00 00 01 c0',
      'de 00 01 a0 c0',
      'df 00 00 00 01 a0 c0',
      'dc 00 00',
      'df 00 00 00 00',
    );
    values.push('d5 01 02 03', 'd6 01 02 03 04 05', `d7 01${' 02'.repeat(8)}`, `d8 01${' 02'.repeat(16)}`);
    values.push('c8 00 01 01 02', 'c9 00 00 00 01 01 02', 'd4 73 90', 'c7 03 6d 92 01 02', 'c7 04 73 91 d4 73 90');
    for (const value of values) {
      const bytes = hex(value);
      const followed = Buffer.concat([bytes, hex('c1 c1')]);
      assert.equal(scan(followed), bytes.length, value);
    }
  });

  it('asks for more until the last byte is there', () => {
    const bytes = encoded({ a: [1.5, 'text', new Map([['k', new Set([1n])]])], b: Buffer.alloc(20) });
    const scanner = createScanner(DEFAULT_LIMITS);
    for (let i = 0; i < bytes.length - 1; i++) {
      assert.equal(scanner.push(bytes, i, i + 1), -1);
      assert.equal(scanner.pendingBytes, i + 1);
    }
    assert.equal(scanner.push(bytes, bytes.length - 1, bytes.length), bytes.length);
    assert.equal(scanner.pendingBytes, 0);
  });

  it('goes on with the next message in the same bytes', () => {
    const bytes = Buffer.concat([encoded([1, 'a']), encoded({ b: 2 }), encoded('c')]);
    const scanner = createScanner(DEFAULT_LIMITS);
    const first = scanner.push(bytes, 0, bytes.length);
    const second = scanner.push(bytes, first, bytes.length);
    assert.deepEqual([first, second, scanner.push(bytes, second, bytes.length)], [4, 8, 10]);
  });

  it('asks for more when there is nothing to look at', () => {
    assert.equal(createScanner(DEFAULT_LIMITS).push(hex('01'), 1, 1), -1);
  });

  it('skips a large binary without looking at its bytes', () => {
    const looked: number[] = [];
    const bytes = new Proxy(Buffer.concat([hex('c6 00 01 00 00'), Buffer.alloc(65_536, 0xc1)]), {
      get(target, key) {
        if (typeof key === 'string' && /^\d+$/.test(key)) looked.push(Number(key));
        return Reflect.get(target, key, target) as unknown;
      },
    });
    assert.equal(createScanner(DEFAULT_LIMITS).push(bytes, 0, 65_541), 65_541);
    assert.deepEqual(looked, [0, 1, 2, 3, 4]);
  });

  it('refuses the byte c1', () => refuses('92 01 c1', /at byte 3: the byte c1/));

  it('refuses a message beyond messageBytes at the header that says so', () => {
    refuses('c6 ff ff ff ff', /at byte 5: a message of more than 4194304 bytes/);
    refuses('dd ff ff ff ff', /at byte 5: a message of more than 4194304 bytes/);
    refuses('c4 0b', /a message of more than 10 bytes/, { messageBytes: 10 });
    refuses('94 00 00 00 00', /at byte 1: a message of more than 4 bytes/, { messageBytes: 4 });
    refuses('92 a1 61 00', /at byte 3: a message of more than 3 bytes/, { messageBytes: 3 });
    refuses('92 00 cd 00 00', /a message of more than 4 bytes/, { messageBytes: 4 });
    assert.equal(scan(hex('93 00 00 00'), { messageBytes: 4 }), 4);
  });

  it('finds the end of what the decoder refuses, so that only its call suffers', () => {
    for (const value of [
      '91'.repeat(100_000).concat('c0'),
      `81 01 01`,
      '81 c0 81 90 91 c0',
      'd4 73 c0',
      'd5 73 90 90',
      'd6 6d 91 c4 05 00',
      '81 a9 5f5f70726f746f5f5f 01',
      'a1 ff',
    ]) {
      const bytes = hex(value);
      assert.equal(scan(Buffer.concat([bytes, hex('c0')])), bytes.length, value.slice(0, 40));
    }
    const many = Buffer.concat([hex('dd 00 1e 84 80'), Buffer.alloc(2_000_000, 1)]);
    assert.equal(scan(many), many.length);
  });

  it('refuses nested headers that promise more values than the message may have bytes', () => {
    refuses('dc ff ff '.repeat(8000), /a message of more than 4194304 bytes/);
    refuses('92 94 00', /at byte 2: a message of more than 5 bytes/, { messageBytes: 5 });
    assert.equal(scan(hex('92 92 00 00 00'), { messageBytes: 5 }), 5);
  });

  it('refuses an extension whose length is beyond the message', () => {
    refuses('c9 ff ff ff ff 73', /at byte 5: a message of more than 4194304 bytes/);
    refuses('c7 05', /a message of more than 7 bytes/, { messageBytes: 7 });
    assert.equal(scan(hex('c7 05 01 00 00 00 00 00 c1'), { messageBytes: 8 }), 8);
  });

  it('stays refused', () => {
    const scanner = createScanner(DEFAULT_LIMITS);
    assert.throws(() => scanner.push(hex('c1'), 0, 1), codecError(/the byte c1/));
    assert.throws(() => scanner.push(hex('00'), 0, 1), codecError(/the byte c1/));
  });
});
