"""The parts of a report as HTML: document, tables, lists, figures; for light and dark screens, telephones and paper.

A page is one file that fetches nothing and needs no script: MLflow shows it in a frame that lets a script do little.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence

from bpexp.figures.palette import BLUE, GREEN, ORANGE, VERMILION
from bpexp.records.escaping import html

COLOURS = f":root {{ --blue: {BLUE}; --green: {GREEN}; --vermilion: {VERMILION}; --orange: {ORANGE}; }}"
"""The palette of the figures, for the style sheet."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --soft: #5c5c5c; --line: #d8d8d8; --paper: #fff; --tint: #f5f5f2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e6; --soft: #a5a5a2; --line: #3c3c3c; --paper: #161616; --tint: #202020; --blue: #56b4e9; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 73rem;
  margin: 2rem auto; padding: 0 1.2rem; overflow-wrap: anywhere; -webkit-text-size-adjust: 100%; }
h1 { font-size: 1.7rem; line-height: 1.2; margin-bottom: .3rem; }
p, ol, ul { max-width: 62rem; box-sizing: border-box; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
a { color: var(--blue); }
p.question, p.note, figcaption { color: var(--soft); }
p.note, figcaption { font-size: .9rem; }
ul.plain { padding-left: 1.2rem; }
.scroll { overflow-x: auto; margin: .6rem 0; background:
  linear-gradient(to right, var(--paper) 40%, transparent) local left / 2rem 100% no-repeat,
  linear-gradient(to left, var(--paper) 40%, transparent) local right / 2rem 100% no-repeat,
  linear-gradient(to right, var(--line), transparent) scroll left / .6rem 100% no-repeat,
  linear-gradient(to left, var(--line), transparent) scroll right / .6rem 100% no-repeat; }
.scroll:focus-visible { outline: 2px solid var(--blue); }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
table { overflow-wrap: break-word; }
th { white-space: normal; vertical-align: bottom; max-width: 11rem; }
td.long { white-space: normal; overflow-wrap: anywhere; min-width: 22rem; max-width: 30rem; }
figure { margin: 1rem 0; }
figure img { background: #fff; width: 100%; max-width: 62rem; border-radius: 4px; }
.bar { display: inline-block; height: .7rem; background: var(--blue); vertical-align: baseline;
  print-color-adjust: exact; }
ul.problems { border-left: .35rem solid var(--orange); padding: .4rem 1.6rem; background: var(--tint); }
pre { background: var(--tint); padding: .5rem .7rem; margin: .2rem 0 1rem; white-space: pre-wrap; font-size: .85rem; }
@media (max-width: 40rem) {
  body { margin: 1rem auto; padding: 0 .8rem; }
  figure img { width: 46rem; max-width: none; }
  table { font-size: .8rem; }
  th, td { padding-right: .6rem; }
  th { max-width: 7rem; }
  td.long { min-width: 11rem; max-width: 14rem; }
  td:first-child:not(.long) { position: sticky; left: 0; background: var(--paper); }
}
@media print {
  :root { --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --tint: #fff; }
  body, p, ol, ul { max-width: none; }
  body { margin: 0; padding: 0; font-size: 11px; }
  p.note, figcaption, pre { font-size: 10px; }
  h1 { font-size: 20px; } h2 { font-size: 14px; } h3 { font-size: 12px; }
  h2, h3 { break-after: avoid; }
  figure, li, tr { break-inside: avoid; }
  figure img { width: 100%; max-width: 50rem; max-height: 90vh; object-fit: contain; object-position: left; }
  .scroll { overflow: visible; background: none; }
  table { font-size: 9px; width: 100%; }
  th, td, td.long { white-space: normal; min-width: 0; max-width: none; padding-right: .5rem; }
  a { color: inherit; text-decoration: none; }
}
"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def document(title: str, parts: Iterable[str], style: str = "") -> str:
    """A whole page; `parts` are HTML, the title is text."""
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html(title)}</title><style>{COLOURS}{STYLE}{style}</style>"
    )
    body = "\n".join(part for part in parts if part)
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def note(text: object) -> str:
    """A paragraph that explains."""
    return f'<p class="note">{html(text)}</p>' if text else ""


def items(lines: Sequence[object], kind: str = "plain") -> str:
    """A list of lines; nothing without any."""
    return f'<ul class="{kind}">' + "".join(f"<li>{html(line)}</li>" for line in lines) + "</ul>" if lines else ""


def table(head: Iterable[object], rows: Iterable[Iterable[object]], about: str) -> str:
    """A table of text, which scrolls in its own box where it is wider than the page; `about` names it to a reader."""
    top = "".join(f"<th>{_breakable(html(cell))}</th>" for cell in head)
    body = "".join("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in rows)
    return scrolling(f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>", about)


LONG = 40
"""Letters of a cell that has several lines, and may be broken anywhere."""


def _cell(text: object) -> str:
    return f"<td{_long(len(str(text)))}>{html(text)}</td>"


def _breakable(name: str) -> str:
    """A name that may be broken behind the signs that join its words, such as forward/sample_spread."""
    return re.sub(r"(?<=[A-Za-z0-9])([/_.])(?=[A-Za-z0-9])", r"\1<wbr>", name)


def _long(letters: int) -> str:
    return ' class="long"' if letters > LONG else ""


def scrolling(inside: str, about: str) -> str:
    """A box that is as wide as the page and scrolls sideways, also with the keyboard."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{html(about)}">{inside}</div>'


def figure(caption: str, svg: bytes, csv: str = "", csv_name: str = "") -> str:
    """A figure with its caption and, if it has numbers, a link that saves them as a file of that name."""
    data, text = base64.b64encode(svg).decode(), html(caption)
    image = scrolling(f'<img alt="{text}" src="data:image/svg+xml;base64,{data}">', caption)
    numbers = f" {download(csv_name, csv)}" if csv else ""
    return f"<figure>{image}<figcaption>{text}.{numbers}</figcaption></figure>"


def download(name: str, text: str) -> str:
    """A link that saves a table, which the page holds, as a file of this name."""
    data = base64.b64encode(text.encode()).decode()
    return f'<a download="{html(name)}" href="data:text/csv;base64,{data}">numbers: {html(name)}</a>'


def command(line: str) -> str:
    """A command in one line, as a shell takes it, to be copied."""
    return f"<pre>{html(line)}</pre>"
