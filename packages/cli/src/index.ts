export type { ReportConfig, ReportEnvironment, ReportGenerator, ReportResult } from './bench/report.js';
export { type BenchReport, REPORT_SCHEMA_VERSION } from './bench/report.js';
export { runCli } from './cli.js';
export { EXIT } from './cli-error.js';
export { systemTerminal, type Terminal } from './terminal.js';
