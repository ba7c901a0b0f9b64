import { deepEqual } from 'node:assert/strict';
import { binary, NO_SUCH, OBJECT, SUM, TEXT } from '../values.mjs';

/**
 * What one caller does again and again: an operation of a peer's client.
 *
 * @param {string} workload `object`, `text`, `sum`, `binary`, or `errors`: sums of which one in a hundred fails
 * @param {number} bytes of a binary
 * @returns {{ call: (client: object) => Promise<unknown>, check: (answer: unknown) => void }} `check` throws when an answer is not
 *   what was asked for: a peer that answers wrongly is not measured
 */
export function workloadOf(workload, bytes) {
  switch (workload) {
    case 'object':
      return { call: (client) => client.object(OBJECT), check: (answer) => deepEqual(plain(answer), OBJECT) };
    case 'text':
      return { call: (client) => client.text(TEXT), check: (answer) => deepEqual(answer, TEXT) };
    case 'sum':
      return {
        call: (client) => client.sum(SUM[0], SUM[1]),
        check: (answer) => deepEqual(Number(answer), SUM[0] + SUM[1]),
      };
    case 'errors': {
      let made = 0;
      return {
        call: (client) => (++made % ERROR_EACH === 0 ? refused(client) : client.checked(SUM[0], SUM[1])),
        check: (answer) => deepEqual(Number(answer), SUM[0] + SUM[1]),
      };
    }
    case 'binary': {
      const value = binary(bytes);
      return {
        call: (client) => client.binary(value),
        check: (answer) => deepEqual(Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength), value),
      };
    }
    default:
      throw new Error(`no workload ${workload}`);
  }
}

/** One call in so many fails. */
const ERROR_EACH = 100;

/** A call that must fail, with what its handler says: that is its answer. Whatever else becomes of it is a fault of the peer. */
async function refused(client) {
  let answer;
  try {
    answer = await client.checked(0, SUM[1]);
  } catch (error) {
    if (String(error?.message ?? error).includes(NO_SUCH)) return;
    throw error;
  }
  throw new Error(`the error of a handler came as ${answer}`);
}

/** Without the classes and the fields of its own that a peer's messages have. */
function plain(value) {
  const { id, name, tags, nested } = value;
  return { id, name, tags: [...tags], nested: { ok: nested.ok, score: nested.score, city: nested.city } };
}
