import fastify from 'fastify';
import { Pool } from 'undici';
import { NO_SUCH } from '../values.mjs';

export const title = 'fastify + undici';
export const note = 'plain HTTP as most services do it: JSON, a pool of a connection a caller, at most 64';
export const packages = ['fastify', 'undici'];
export const can = ['object', 'text', 'sum', 'binary', 'mixed', 'errors'];

const LARGEST = 64 * 1024 * 1024;
const JSON_TYPE = { 'content-type': 'application/json' };
const BINARY_TYPE = { 'content-type': 'application/octet-stream' };

export async function serve(port) {
  const app = fastify({ logger: false, bodyLimit: LARGEST });
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  app.post('/echo', async (request) => request.body);
  app.post('/sum', async (request) => ({ value: request.body.x + request.body.y }));
  app.post('/checked', async ({ body }) => {
    if (body.x === 0) throw new Error(NO_SUCH);
    return { value: body.x + body.y };
  });
  app.post('/binary', (request, reply) => {
    reply.type('application/octet-stream').send(request.body ?? Buffer.alloc(0));
  });
  await app.listen({ port, host: '127.0.0.1' });
}

export async function connect([port], { callers }) {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: Math.min(64, callers) });
  const post = async (path, value) => {
    const request = { path, method: 'POST', headers: JSON_TYPE, body: JSON.stringify(value) };
    const { body, statusCode } = await pool.request(request);
    const answer = await body.json();
    if (statusCode >= 400) throw new Error(answer.message);
    return answer;
  };
  return {
    object: (value) => post('/echo', value),
    text: async (value) => (await post('/echo', { value })).value,
    sum: async (x, y) => (await post('/sum', { x, y })).value,
    checked: async (x, y) => (await post('/checked', { x, y })).value,
    binary: async (value) => {
      const { body } = await pool.request({ path: '/binary', method: 'POST', headers: BINARY_TYPE, body: value });
      return Buffer.from(await body.arrayBuffer());
    },
  };
}
