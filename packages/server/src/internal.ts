export { RpcServer } from './face/server.js';
export { presentable } from './presentable.js';
export { ServerStack } from './stack.js';
