export { RpcServer } from './server.js';
