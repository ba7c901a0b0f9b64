/** What a key may hold that is no endpoint, by what is wrong with it: texts are stored as UTF-8. */
export const INVALID_VALUES: readonly (readonly [name: string, value: string | Uint8Array])[] = [
  ...notJson(),
  ...otherJson(),
  ...notUtf8(),
  ...wrongFields(),
];

function notJson(): readonly (readonly [string, string])[] {
  const texts = [
    ...['', ' ', '\n', '{', '}', '[', ']', '{}{}', '{} x', '{},', '{"host"', '{"host":', '{"host":"h"', '{"host":"h",'],
    ...['{"host":"h",}', '{host:"h"}', "{'host':'h'}", '{"host":"h";"port":1}', '{"host" "h"}', '{"host"::"h"}', '{,}'],
    ...['{"a":1 "b":2}', '{1:2}', '{null:1}', '{"a":}', '{"a":,}', '{"a":tru}', '{"a":True}', '{"a":nul}', '{"a":nan}'],
    ...['{"a":NaN}', '{"a":Infinity}', '{"a":-Infinity}', '{"a":undefined}', '{"a":01}', '{"a":+1}', '{"a":.5}'],
    ...['{"a":1.}', '{"a":1e}', '{"a":1e+}', '{"a":-}', '{"a":--1}', '{"a":0x10}', '{"a":1_000}', '{"a":1n}'],
    ...['{"a":"\n"}', '{"a":"\t"}', '{"a":"\0"}', '{"a":"\\x41"}', '{"a":"\\u12"}', '{"a":"\\u{41}"}', '{"a":"\\"}'],
    ...['{"a":"x}', '{"a":[1,]}', '{"a":[,1]}', '{"a":[1 2]}', '{"a":[}', '{"a":[1}', '{"a":{]}', '/* x */{}', '{}//'],
    ...[
      '// x',
      '# x',
      '<a/>',
      'host: h',
      'host=h',
      '{"host":"h"}\0',
      '\ufeff{"host":"h","port":1}',
      '\u00a0{}',
      '\v{}',
    ],
    ...['h:1', 'undefined', 'NaN', '`{}`', '{"a":1}}', '{{"a":1}}', '({})', '...', '{"a":"\\uD800\\"}', '[1,2'],
  ];
  return texts.map((text) => [`the text ${JSON.stringify(text)}`, text]);
}

function otherJson(): readonly (readonly [string, string])[] {
  const texts = ['null', 'true', '1', '-0', '1e400', '"x"', '""', '[]', '[{"host":"h","port":1}]', '{}', '[[]]'];
  const named: [string, string][] = texts.map((text) => [`the JSON ${text}`, text]);
  return [
    ...named,
    ['arrays nested 30,000 times', '['.repeat(30_000) + ']'.repeat(30_000)],
    ['arrays nested 100,000 times', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['arrays that are opened 60,000 times', '['.repeat(60_000)],
    ['objects nested 10,000 times', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
    ['1.4 MiB of spaces', ' '.repeat(1_468_006)],
    ['1.4 MiB of an endpoint', JSON.stringify({ host: 'h', port: 1, more: 'x'.repeat(1_468_006) })],
    [
      '100,000 addresses',
      JSON.stringify({ host: 'h', port: 1, addresses: Array.from({ length: 100_000 }, () => 'h') }),
    ],
  ];
}

function notUtf8(): readonly (readonly [string, Uint8Array])[] {
  const endpoint = '{"host":"h","port":1}';
  return [
    ['bytes that are in no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    ['a UTF-8 sequence that is cut', Buffer.from('{"host":"h","port":1,"zone":"\u{1f600}"}').subarray(0, 31)],
    [
      'an overlong UTF-8 sequence',
      Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
    ],
    [
      'a surrogate in UTF-8',
      Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
    ],
    ['Latin-1', Buffer.from('{"host":"h","port":1,"zone":"\u00e9"}', 'latin1')],
    ['UTF-16, little endian', Buffer.from(endpoint, 'utf16le')],
    ['UTF-16 with a byte order mark', Buffer.from(`\ufeff${endpoint}`, 'utf16le')],
    ['gzip', Buffer.from('1f8b0800000000000003ab56ca482d2e5152ca50d2512a', 'hex')],
    ['zeros', Buffer.alloc(1_000)],
    ['MessagePack', Buffer.from('82a4686f7374a168a4706f727401', 'hex')],
    ['a picture', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')],
  ];
}

function wrongFields(): readonly (readonly [string, string])[] {
  const wrong: Readonly<Record<string, readonly unknown[]>> = {
    host: [
      123,
      null,
      '',
      ' ',
      [],
      {},
      true,
      'h\r\nX-Evil: 1',
      '$(reboot)',
      '; rm -rf /',
      'a/b',
      '[::1]',
      'x'.repeat(254),
    ],
    port: ['80', 0, 70_000, 1.5, -1, null, [], 1e308, true],
    weight: [-1, 1e308, 'x', null, [], true, 10_001],
    state: ['down', 1, null, {}, 'UP'],
    tags: [[], 'x', 1, null, { a: 1 }, { a: null }, { a: { b: 'c' } }, { '': 'x' }, { a: 'x'.repeat(1_001) }],
    zone: [1, '', {}, 'a\nb', 'x'.repeat(201)],
    version: [1, '', [], false],
    startedAtMs: ['now', -1, 1.5, 1e300, null],
    features: ['streams', [1], [['streams']], Array.from({ length: 65 }, (_, index) => `f${index}`)],
    path: [1, '', null],
    schema: [2, 0, '1', null, 1.5, {}],
    id: ['another', 1, null, '', {}],
  };
  return Object.entries(wrong).flatMap(([field, values]) =>
    values.map((value): [string, string] => [
      `${field} ${JSON.stringify(value).slice(0, 40)}`,
      JSON.stringify({ ...(field === 'path' ? {} : { host: 'h', port: 1 }), [field]: value }),
    ]),
  );
}
