"""How the page looks: on screens wide and narrow, bright and dark, and on paper."""

CSS = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #22262b; --soft: #5c646d; --faint: #a3a9b0; --line: #e1e4e8;
  --warn: #9a5b00; --warn-paper: #fff6e3;
  --target: #0072b2; --non-target: #e69f00;
  --curve-0: #0072b2; --curve-1: #d55e00; --curve-2: #009e73; --curve-3: #cc79a7;
  --curve-4: #56b4e9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16191d; --ink: #e4e7ea; --soft: #a2abb4; --faint: #6b747d; --line: #30363d;
    --warn: #f0b95a; --warn-paper: #2b2418;
    --target: #56b4e9; --non-target: #f0b95a;
    --curve-0: #56b4e9; --curve-1: #ff8a3d; --curve-2: #2fd0a0; --curve-3: #e3a0c6;
    --curve-4: #9aa7ff;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 54rem;
  background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: break-word;
}
header { border-bottom: 1px solid var(--line); padding-bottom: 1.5rem; }
h1 { font-size: 1.15rem; font-weight: 600; margin: 0 0 .8rem; color: var(--soft); }
h2 { font-size: 1.2rem; margin: 2.8rem 0 .8rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p { margin: .5rem 0; }
.finding { font-size: 1.5rem; line-height: 1.35; font-weight: 500; margin: 0; text-wrap: pretty; }
.others { margin: .9rem 0 0; padding: 0; list-style: none; font-size: 1.1rem; }
.notes, figcaption, footer { color: var(--soft); font-size: .9rem; }
.remarks {
  margin: 1.6rem 0 0; padding: .9rem 1.2rem; border-radius: 6px;
  background: var(--warn-paper); border-left: 4px solid var(--warn);
}
.remarks h2 { margin: 0 0 .3rem; font-size: 1rem; color: var(--warn); }
.remarks ul { margin: 0; padding-left: 1.1rem; }
.remarks li + li { margin-top: .35rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); font-size: .9rem; padding-bottom: .3rem; }
th, td { padding: .5rem .7rem .5rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 500; font-size: .85rem; vertical-align: bottom; }
tbody th { font-weight: 500; }
.number { text-align: right; white-space: nowrap; }
.facts td, .trials td, .speakers td { overflow-wrap: anywhere; }
.trials .number, .speakers .number { overflow-wrap: normal; }
th:last-child, td:last-child { padding-right: 0; }
.wide { overflow-x: auto; }
.figures td { overflow-wrap: normal; }
.figures thead .number { white-space: normal; }
.figures b { font-weight: 600; }
.figures small { display: block; color: var(--soft); font-size: .8rem; white-space: nowrap; }
.facts th { width: 9rem; color: var(--soft); }
figure { margin: 1.5rem 0 0; }
figure svg { display: block; width: 100%; height: auto; max-width: 38rem; margin: 0 auto; }
details { border-top: 1px solid var(--line); padding: .6rem 0; }
details:last-of-type { border-bottom: 1px solid var(--line); }
summary { cursor: pointer; font-weight: 600; }
dt { font-weight: 600; margin-top: .9rem; }
dd { margin: .1rem 0 0; max-width: 44rem; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .8rem; }
@media (max-width: 38rem) {
  body { padding: 1.4rem 1rem 3rem; }
  .finding { font-size: 1.25rem; }
  .figures thead { position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%); }
  .figures, .figures tbody, .figures tr, .figures th, .figures td { display: block; }
  .figures tr { padding: .6rem 0; border-bottom: 1px solid var(--line); }
  .figures th, .figures td { border: 0; padding: .1rem 0; }
  .figures td { display: flex; gap: .5rem; justify-content: space-between; text-align: right; }
  .figures td::before { content: attr(data-title); color: var(--soft); }
  .figures small { display: inline; }
  .figures .none { display: none; }
  .figures th { font-weight: 600; }
  .facts th, .facts td { display: block; width: auto; border: 0; padding: 0; }
  .facts td { padding-bottom: .6rem; }
  .trials th, .trials td, .speakers th, .speakers td { font-size: .85rem; padding-right: .5rem; }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #ffffff; --ink: #000000; --soft: #444444; --faint: #999999; --line: #cccccc;
    --warn: #000000; --warn-paper: #ffffff;
    --target: #0072b2; --non-target: #e69f00;
    --curve-0: #0072b2; --curve-1: #d55e00; --curve-2: #009e73; --curve-3: #cc79a7;
    --curve-4: #56b4e9;
  }
  @page { margin: 18mm; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  .remarks { border: 1px solid var(--ink); border-left-width: 4px; }
  figure, tr, dt + dd, .remarks { break-inside: avoid; }
  h2, h3, dt { break-after: avoid; }
  th, td { padding-top: .3rem; padding-bottom: .3rem; }
  .det svg { max-width: 12cm; }
  figure svg { max-width: 13cm; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""
