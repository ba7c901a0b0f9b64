export { registryContract, watchContract } from './contract/registry-contract.js';
export type {
  MortalOwner,
  RegistryContractOptions,
  RegistryContractSetup,
} from './contract/registry-contract-setup.js';
export { type RulesContractSetup, rulesContract } from './contract/rules-contract.js';
export { wrapperContract } from './contract/wrapper-contract.js';
export { FakeClock } from './fake-clock.js';
export { type ManualRegistry, manualRegistry, type PublishOptions } from './registry/manual-registry.js';
export {
  eventually,
  recordSnapshots,
  type Settle,
  type SnapshotRecorder,
  waitForSnapshot,
} from './registry/snapshot-recorder.js';
export { seededRandom } from './seeded-random.js';
export { connect } from './service/connect.js';
export { mockService } from './service/mock-service.js';
export { type FakeCallContext, runInCallContext } from './service/run-in-call-context.js';
export type { SimulatedFault } from './simulator/fault.js';
export type { ServerReport, SimulationReport } from './simulator/report.js';
export { exponentialTime, measuredTime, type ServiceTime, uniformTime } from './simulator/service-time.js';
export {
  type SimulatedClients,
  type SimulatedMethod,
  type SimulatedRules,
  type SimulatedServers,
  type Simulation,
  type SimulationProgress,
  simulate,
} from './simulator/simulate.js';
export {
  type CallSimulation,
  percentile,
  type SimulationResult,
  shareWithin,
  simulateCalls,
} from './simulator/simulate-calls.js';
