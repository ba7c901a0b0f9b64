import { rulesContract } from '@org/rpc-testkit';
import { memory } from './memory.js';

rulesContract('memory', async () => ({ registry: memory(), close: async () => {} }));
