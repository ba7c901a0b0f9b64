import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { CODE_NUMBERS } from '../packages/rpc-core/src/code.js';
import { CancelReason, FrameType, GoAwayCode } from '../packages/wire/src/frames/frame.js';
import { DATA_FILE, PAGE } from './protocol-vectors/files.js';
import { type PageVectors, renderVectors } from './protocol-vectors/render.js';

const page = readFileSync(PAGE, 'utf8');
const vectors = JSON.parse(readFileSync(DATA_FILE, 'utf8')) as PageVectors;

describe('docs/protocol.md', () => {
  it('shows the vectors that the tests run; if not: npx tsx tools/protocol-vectors/main.ts --write', () => {
    assert.ok(page === renderVectors(page, vectors));
  });

  it('names every bound of a connection with its default', () => {
    for (const [name, value] of Object.entries(DEFAULT_LIMITS)) {
      // What depends on the machine is said in words.
      const said = name === 'heldBytes' ? 'an eighth of what the process may use' : value.toLocaleString('en');
      assert.match(page, new RegExp(`^\\| \`${name}\` \\| ${said} \\|`, 'm'));
    }
  });

  it('names every code of an error with its number', () => {
    for (const [name, number] of Object.entries(CODE_NUMBERS)) {
      assert.match(page, new RegExp(`^\\| ${number} \\| \`${name}\` \\|`, 'm'));
    }
  });

  it('names every type of frame, code of GOAWAY and reason of CANCEL with its number, and no private one', () => {
    for (const [name, number] of Object.entries(FrameType)) {
      assert.match(page, new RegExp(`^\\| ${number} \\| ${name} \\|`, 'm'));
      assert.ok(number < 192, name);
    }
    for (const [name, number] of Object.entries(GoAwayCode)) {
      assert.match(page, new RegExp(`^\\| ${number} \\| ${name} \\|`, 'm'));
      assert.ok(number < 128, name);
    }
    assert.ok(page.includes(`| types of frames | 1 to ${Math.max(...Object.values(FrameType))} |`));
    assert.ok(page.includes(`| codes of GOAWAY | 0 to ${Math.max(...Object.values(GoAwayCode))} |`));
    assert.ok(page.includes(`| reasons of CANCEL | 1 to ${Math.max(...Object.values(CancelReason))} |`));
    assert.ok(page.includes(`| codes of ERROR | 1 to ${Math.max(...Object.values(CODE_NUMBERS))}, `));
  });
});

describe('protocol-vectors', () => {
  const region = (what: string): string => `<!-- vectors: ${what} -->\nold\n<!-- end of vectors -->`;
  const all = [...new Set(vectors.frames.map(({ fields }) => `frames ${String(fields['type'])}`))].concat([
    'pieces',
    'values',
    'refused values',
    'sessions',
    'refused to server',
    'refused to client',
    'refused calls',
  ]);
  const whole = all.map((what) => `before ${what}\n\n${region(what)}\n`).join('\n');

  it('replaces what is inside the regions, and nothing else', () => {
    const rendered = renderVectors(whole, vectors);
    assert.ok(!rendered.includes('\nold\n'));
    for (const what of all) assert.ok(rendered.includes(`before ${what}\n\n<!-- vectors: ${what} -->\n`), what);
    assert.equal(renderVectors(rendered, vectors), rendered);
  });

  it('shows each frame, value, session and refusal', () => {
    const rendered = renderVectors(whole, vectors).toLowerCase();
    for (const { name } of [
      ...vectors.frames,
      ...vectors.pieces,
      ...vectors.values,
      ...vectors.sessions,
      ...vectors.refused,
    ])
      assert.ok(rendered.includes(name.toLowerCase()), name);
  });

  it('breaks long hex into lines and leaves none of it out', () => {
    const rendered = renderVectors(whole, vectors);
    for (const line of rendered.split('\n').filter((text) => /^[0-9a-f CS]+$/.test(text)))
      assert.ok(line.length <= 108);
    const bytes = rendered.replace(/\s/g, '');
    for (const { hex } of vectors.frames) assert.ok(bytes.includes(hex.replaceAll(' ', '')), hex);
  });

  it('refuses a page that lacks a region, does not end one or asks for what there is not', () => {
    assert.throws(() => renderVectors(whole.replace(region('values'), ''), vectors), /no region "values"/);
    assert.throws(() => renderVectors(`${whole}\n<!-- vectors: values -->\n`, vectors), /regions begin/);
    assert.throws(() => renderVectors(`${whole}\n${region('colours')}`, vectors), /no vectors "colours"/);
  });
});
