#pragma once
/// @file html_style.hpp
/// The report page's style sheet: one set of variables for light, one for dark.

#include <string_view>

namespace reclm::detail {

inline constexpr std::string_view kReportStyle = R"css(
:root {
  color-scheme: light dark;
  --paper: #faf9f6; --card: #ffffff; --ink: #23272b; --soft: #62686f; --rule: #e5e2da; --grid: #edeae3;
  --baseline: #b8b2a5; --plain0: #8097b8; --plain1: #b3c1d5;
  --e0: #0d7a6f; --e1: #7a55a8; --e2: #b06c12; --e3: #b0456f;
  --e4: #33689f; --e5: #5f7d2a; --e6: #8a6a52; --bad: #ab4127;
  --serif: ui-serif, "Iowan Old Style", "Palatino Linotype", Palatino, Georgia, serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181b; --card: #1c2024; --ink: #e4e2dc; --soft: #a0a5ab; --rule: #31373d; --grid: #292e33;
    --baseline: #77736b; --plain0: #7591bb; --plain1: #4b5f7f;
    --e0: #3fbfae; --e1: #b394dd; --e2: #dda14c; --e3: #e08bab;
    --e4: #7fb2e5; --e5: #a9c66c; --e6: #c9a68c; --bad: #ec8368;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.6 var(--sans); }
main { max-width: 68rem; margin: 0 auto; padding: clamp(1.5rem, 5vw, 4rem) clamp(1rem, 4vw, 2.5rem) 5rem; }
h1, h2, h3 { font-family: var(--serif); font-weight: 600; line-height: 1.2; text-wrap: balance; }
h1 { font-size: clamp(1.9rem, 1.4rem + 2.4vw, 2.9rem); margin: .2rem 0 .8rem; letter-spacing: -.01em; }
h2 { font-size: 1.75rem; margin: 4rem 0 .6rem; padding-top: 1.6rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1.25rem; margin: 3rem 0 .3rem; }
h4 { font-size: .95rem; font-weight: 600; margin: 0; }
p { max-width: 44rem; margin: .5rem 0; overflow-wrap: anywhere; }
a { color: var(--e0); text-underline-offset: .2em; }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--e0); outline-offset: 3px; border-radius: 3px; }
code { font: .86em/1.5 var(--mono); overflow-wrap: anywhere; }
.eyebrow, .note, .extent { color: var(--soft); font-size: .875rem; }
.eyebrow { margin: 0; }
.lede { font-size: 1.1rem; color: var(--soft); }
.extent { margin: .2rem 0 1rem; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; margin: 1.4rem 0 0; font-size: .9rem; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 1.1rem 1.25rem; }
.findings { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr)); gap: 1rem; margin: 1rem 0; align-items: start; }
.findings h4 { font-family: var(--serif); font-size: 1.05rem; }
.findings .note { margin: 0 0 .6rem; }
.findings table { font-size: .9rem; }
.findings th, .findings td { padding: .35rem 0 .35rem .6rem; border-bottom: 0; border-top: 1px solid var(--grid); }
.findings thead > tr > * { border-top: 0; padding-bottom: .1rem; font-weight: 400; }
.findings th:first-child { padding-left: 0; }
.findings svg { display: inline-block; vertical-align: -2px; }
.key { display: flex; flex-wrap: wrap; gap: .35rem 1.3rem; margin: .8rem 0 1rem; padding: 0; list-style: none; font-size: .875rem; color: var(--soft); }
.key svg { width: 1.1em; height: .8em; margin-right: .45em; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(18.5rem, 100%), 1fr)); gap: 1rem; margin: 1rem 0; }
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; font-size: .95rem; margin-bottom: .5rem; }
figcaption span { font-weight: 400; color: var(--soft); font-size: .825rem; }
.bar { display: grid; grid-template-columns: 5.6rem minmax(0, 1fr) 5.6rem; column-gap: .6rem; align-items: center; font-size: .825rem; line-height: 20px; }
.bar > span:first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; text-align: right; color: var(--soft); }
.bar > span:last-child { font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar svg { display: block; width: 100%; height: 20px; overflow: visible; }
.bar.enhanced > span:first-child { color: var(--ink); font-weight: 600; }
.bar.placebo > span:first-child { font-style: italic; }
.bar.axis svg { height: 16px; }
.group { font-size: .825rem; font-weight: 600; line-height: 1.3; margin: .65rem 0 .15rem; }
.mark { color: var(--e0); font-size: .8em; letter-spacing: .05em; margin-left: .3em; }
.mark.down { color: var(--bad); }
svg text { font: 11px var(--sans); fill: var(--soft); font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; margin: 1rem 0; border: 1px solid var(--rule); border-radius: 10px; background: var(--card); }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; text-align: right; white-space: nowrap; }
tbody tr:last-child > * { padding-bottom: .6rem; }
thead th { font-weight: 600; color: var(--soft); font-size: .8125rem; border-bottom: 1px solid var(--rule); }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--card); font-weight: 400; }
td.left, th.left { text-align: left; }
tr.enhanced > th:first-child { font-weight: 600; }
tr.placebo > *, tr.baseline > * { color: var(--soft); }
tr.placebo > th:first-child { font-style: italic; }
tbody tr.first > * { border-top: 1px solid var(--rule); }
tbody tr.first > *, tbody tr:first-child > * { padding-top: .55rem; }
tbody tr:has(+ tr.first) > * { padding-bottom: .55rem; }
.ghost { visibility: hidden; }
.room { display: inline-block; min-width: 2.7em; text-align: left; }
td small { color: var(--soft); font-size: .8em; margin-left: .3em; }
td b { font-weight: 700; color: var(--ink); }
td.forest { width: 9rem; min-width: 7rem; }
.comparisons th, .comparisons td { padding-left: .55rem; padding-right: .55rem; }
td.forest svg { display: block; width: 100%; height: 16px; }
details { margin: .8rem 0; }
summary { cursor: pointer; font-size: .9rem; color: var(--soft); padding: .2rem 0; }
summary:hover { color: var(--ink); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); gap: 1rem; margin: 1.2rem 0; align-items: stretch; }
dl { margin: 0; display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem 1.2rem; font-size: .9rem; align-content: start; }
dt { color: var(--soft); }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
dl.figures dd { text-align: right; }
dl.guide { grid-template-columns: minmax(8rem, max-content) minmax(0, 44rem); gap: .45rem 1.6rem; margin-top: .6rem; }
dl.guide dt { color: var(--ink); font-weight: 600; }
h2 .eyebrow { display: block; font-family: var(--sans); font-weight: 400; margin-bottom: .3rem; }
.lines svg { display: block; width: 100%; max-width: 25rem; height: auto; margin-bottom: .4rem; }
.lines figcaption { margin-bottom: .1rem; }
.narrow td { border-top: 1px solid var(--grid); }
.narrow th, .findings thead th { white-space: normal; line-height: 1.3; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem .9rem; margin: 0; padding: 0; list-style: none; font-size: .8rem; color: var(--soft); }
.lines .legend svg { display: inline-block; width: 1.1em; height: .7em; margin: 0 .35em 0 0; }
.samples { display: grid; gap: 1rem; margin: 1rem 0; }
.samples h4 { font-family: var(--serif); font-size: 1.02rem; margin-bottom: .5rem; }
.samples dl { grid-template-columns: minmax(6rem, max-content) minmax(0, 1fr); gap: .4rem 1.2rem; }
footer { margin-top: 4rem; padding-top: 1.2rem; border-top: 1px solid var(--rule); color: var(--soft); font-size: .85rem; }
@media (max-width: 34rem) {
  body { font-size: 15.5px; }
  .card { padding: .9rem .9rem; border-radius: 8px; }
  .bar { grid-template-columns: 5.3rem minmax(0, 1fr) 5.2rem; column-gap: .45rem; }
  th, td { padding: .3rem .6rem; }
  .scroll th:first-child { white-space: normal; min-width: 7rem; max-width: 8.5rem; line-height: 1.35; }
  table.comparisons th:first-child { position: static; }
  .samples dl { display: block; }
  .samples dd { margin: 0 0 .6rem; }
  dl.guide { display: block; }
  dl.guide dd { margin: 0 0 .7rem; }
  h2 { margin-top: 3rem; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print { body { background: #fff; } .card, .scroll { break-inside: avoid; } nav { display: none; } }
)css";

}  // namespace reclm::detail
