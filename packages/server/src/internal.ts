export { RpcServer } from './face/server.js';
export { ServerStack } from './stack.js';
