export { RpcServer } from './face/server.js';
