import assert from 'node:assert/strict';
import { z } from 'zod';
import { schemaText } from './schema-text.js';

describe('the text of a schema', () => {
  it('says it as people would', () => {
    const schema = z.object({ id: z.string(), tags: z.array(z.string()).optional(), size: z.enum(['s', 'l']) });
    assert.equal(schemaText(z.toJSONSchema(schema)), '{ id: string, tags?: string[], size: "s" | "l" }');
    assert.equal(schemaText({ type: 'array', prefixItems: [{ type: 'string' }, {}] }), '(string, ?)');
    assert.equal(schemaText(z.toJSONSchema(z.union([z.number(), z.null()]))), 'number | null');
  });

  it('ends, whatever it is given', () => {
    assert.deepEqual([undefined, 7, { type: 7 }].map(schemaText), ['?', '?', '?']);
    const deep: { type: string; items?: object } = { type: 'array' };
    deep.items = deep;
    assert.equal(schemaText(deep), '...[][][][][]');
    assert.equal(schemaText({ enum: Array.from({ length: 1_000 }, (_, n) => n) }).length, 123);
  });
});
