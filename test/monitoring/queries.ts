import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** A question to Prometheus, and where it stands. */
export interface Query {
  readonly where: string;
  readonly expr: string;
}

const FOLDER = new URL('../../examples/monitoring/', import.meta.url);

/** The text of a file of `examples/monitoring`. */
export function monitoringFile(name: string): string {
  return readFileSync(new URL(name, FOLDER), 'utf8');
}

/** Every query of the dashboard. What Grafana fills in is filled in. */
export function dashboardQueries(): Query[] {
  const { panels } = JSON.parse(monitoringFile('grafana-dashboard.json')) as {
    panels: { title: string; targets?: { expr: string }[] }[];
  };
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ where: `dashboard, ${title}`, expr: expr.replaceAll('$__rate_interval', '10s') })),
  );
}

/** Every rule of the alerts. */
export function alertQueries(): Query[] {
  const { groups } = parse(monitoringFile('alerts.yml')) as { groups: { rules: { alert: string; expr: string }[] }[] };
  return groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => ({ where: `alert ${alert}`, expr })));
}
