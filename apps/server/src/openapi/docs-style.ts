/** How the document looks: by day and by night, on narrow screens too. */
export const DOCS_STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d8d8de, #3a3a44); --quiet: light-dark(#5a5a66, #a2a2b0); --accent: light-dark(#0b57a4, #8ec1ff); }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; background: light-dark(#fff, #17171c); color: light-dark(#1c1c22, #e8e8ee); }
a { color: var(--accent); }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
nav ul { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; padding: 0; list-style: none; }
code { font-family: ui-monospace, monospace; font-size: .875rem; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); }
details { border-bottom: 1px solid var(--line); padding: .5rem 0; }
summary { cursor: pointer; }
summary code { font-weight: 600; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: 600; padding: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem 1rem .25rem 0; border-top: 1px solid var(--line); }
td:first-child { white-space: nowrap; }
`;
