// How the report looks: one style for screen, print, light and dark, within the page, so that the file is all there is to hand on.
#pragma once

#include <string_view>

namespace stockade {

inline constexpr std::string_view kReportStyle = R"(<style>
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5a6472;--page:#fff;--card:#f4f6f8;--line:#d6dbe1;--now:#5b6b7f;--best:#0a7d5a;
--reached:#c2332b;--stopped:#9db4cc;--touched:#b26a00;--dot:#7e8ea3}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaef;--soft:#9aa7b6;--page:#14181d;--card:#1d2329;--line:#37414c;--now:#aab8c8;
--best:#3fc896;--reached:#ff7a70;--stopped:#3f5a78;--touched:#f0a94a;--dot:#7487a0}}
*{box-sizing:border-box}body{margin:0 auto;max-width:72rem;padding:1.5rem;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}h1{font-size:1.6rem;margin:0 0 .2rem}h2{font-size:1.15rem;margin:2.4rem 0 .6rem}
p{max-width:52rem;margin:.5rem 0}.soft,figcaption,caption{color:var(--soft)}figure{margin:1rem 0;max-width:52rem}
figcaption,caption{font-size:.9rem;text-align:left}caption{padding-bottom:.4rem}svg{display:block;width:100%;height:auto}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.6rem,1fr));gap:.8rem;margin:1rem 0;padding:0;list-style:none}
.cards li{background:var(--card);border-radius:.5rem;padding:.7rem .9rem}.cards b{display:block;font-size:1.35rem;font-weight:600}
.cards span{font-size:.85rem;color:var(--soft)}pre{background:var(--card);border-radius:.5rem;padding:.8rem 1rem;overflow:auto;
max-width:52rem;font:13px/1.5 ui-monospace,monospace}.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.88rem;margin:.5rem 0}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap;font-variant-numeric:tabular-nums}
th{font-weight:600}th:first-child,td:first-child{text-align:left;min-width:9rem;white-space:normal;overflow-wrap:anywhere}th.text,td.text{text-align:left}tr.current td,tr.best td{font-weight:600;background:var(--card)}
td svg.bar{width:5rem;height:.8rem;display:inline-block;vertical-align:middle;margin-left:.5rem}details{margin:.6rem 0}summary{cursor:pointer}
.names{columns:14rem;padding-left:1.2rem;font-size:.88rem}.names li{overflow-wrap:anywhere}.key{display:inline-block;width:.8rem;height:.8rem;border-radius:.2rem;
vertical-align:-.1rem;margin:0 .3rem 0 .8rem}.key:first-child{margin-left:0}.key.stopped{background:var(--stopped)}.key.reached{background:var(--reached)}
.key.touched{background:var(--touched)}svg text{font:12px system-ui,sans-serif}.axis{fill:var(--soft)}.mark{fill:var(--ink);font-weight:600}
.grid{stroke:var(--line);stroke-width:1}.tick,.current{stroke:var(--soft);stroke-width:1}.current{stroke-width:1.5}.front{fill:none;stroke:var(--best);
stroke-width:1.5;stroke-dasharray:5 4}circle.dot{fill:var(--dot);fill-opacity:.75}circle.now{fill:var(--now);stroke:var(--ink);stroke-width:1.5}
circle.best{fill:var(--best);stroke:var(--ink);stroke-width:1.5}rect.stopped{fill:var(--stopped)}rect.reached{fill:var(--reached)}
rect.touched{fill:var(--touched)}@media print{body{max-width:none}details{display:block}}
</style>
)";

}  // namespace stockade
