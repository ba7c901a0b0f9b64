/** The looks of the HTML report, light and dark by what the reader's system prefers. */
export const REPORT_CSS = `
:root { color-scheme: light dark; --ink: #1c2330; --soft: #667085; --line: #e4e7ec; --paper: #fff; --card: #f7f8fa;
  --rate: #2e7d6b; --p50: #3b6fd4; --p99: #d4763b; --bad: #c0392b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #2b3240; --paper: #12161e;
  --card: #1a202b; --rate: #4fb89f; --p50: #7aa5f5; --p99: #f0a06a; --bad: #ef6f61; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1000px; padding: 32px 20px 48px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { margin: 0; font-size: 26px; letter-spacing: -0.01em; }
h2 { margin: 36px 0 12px; font-size: 16px; }
header p, footer, .tiles span, dt, th { color: var(--soft); }
header p { margin: 4px 0 0; }
footer { margin-top: 40px; font-size: 13px; }
.warning { margin: 16px 0 0; padding: 8px 12px; border-left: 3px solid var(--p99); background: var(--card); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px; margin-top: 24px; }
.tiles div { padding: 12px 14px; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
.tiles span { display: block; font-size: 13px; }
.tiles b { font-size: 22px; font-weight: 600; }
.tiles small { font-size: 13px; font-weight: 400; color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { padding: 6px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); font-weight: 400; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0; font-size: 14px; }
dd { margin: 0; overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 11px; }
svg .grid { stroke: var(--line); }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .rate { stroke: var(--rate); } svg .p50 { stroke: var(--p50); } svg .p99 { stroke: var(--p99); }
svg .area { fill: var(--rate); opacity: 0.12; } svg .bad { fill: var(--bad); }
svg .hit { fill: transparent; } svg .hit:hover { fill: var(--soft); opacity: 0.15; }
.legend { display: flex; gap: 18px; margin: 0 0 6px; color: var(--soft); font-size: 13px; }
.legend i { display: inline-block; width: 14px; height: 3px; margin-right: 6px; vertical-align: middle; }
`;
