import { createClient, isRpcError } from '@org/rpc';
import { Calculator } from './calculator.js';

const client = createClient();
const calculator = client.service(Calculator);

try {
  console.log(`1 + 2 = ${await calculator.sum(1, 2)}`);
  console.log(`1 / 4 = ${await calculator.with({ timeoutMs: 50 }).divide(1, 4)}`);
  await calculator.divide(1, 0);
} catch (error) {
  if (!isRpcError(error)) throw error;
  console.log(error.message, error.details ?? '');
  if (error.code !== 'INVALID_ARGUMENT') process.exitCode = 1;
} finally {
  await client.close();
}
