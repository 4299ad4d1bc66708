"""An audit's report: one HTML file without any outside resource, light or dark as the reader's system is."""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

from isgan import __version__
from isgan.evaluation.audit import levels
from isgan.evaluation.audit.photographs import KINDS
from isgan.evaluation.audit.summary import strongest
from isgan.evaluation.audit.words import number, sentences
from isgan.evaluation.results import Results
from isgan.files import write_file

PAGE = "audit.html"
STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1c2024; --soft: #5f6872; --line: #d9dee3; --band: #f4f6f8;
  --c0: #0b62a8; --c1: #b3541e; --c2: #2f7d4f; --c3: #8a3ea8; --c4: #8a6d00; --c5: #b0305f; }
@media (prefers-color-scheme: dark) { :root { --page: #14171a; --text: #e6e8ea; --soft: #9aa4ae; --line: #343b42; --band: #1d2226;
  --c0: #7ab8f0; --c1: #f0a070; --c2: #7fd0a0; --c3: #d09af0; --c4: #e0c860; --c5: #f08fb4; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 72rem; background: var(--page); color: var(--text);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { margin: 0 0 .5rem; font-size: 1.7rem; line-height: 1.2; }
h2 { margin: 2.5rem 0 .5rem; padding-top: .75rem; border-top: 1px solid var(--line); font-size: 1.3rem; }
p, ul, dl { max-width: 50rem; } li { margin: .3rem 0; } dt { font-weight: 600; } dd { margin: 0 0 .4rem 1.2rem; }
.soft, caption, small { color: var(--soft); font-size: .875rem; }
code { font: .875em ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: .75rem 0; border: 1px solid var(--line); border-radius: .35rem; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { padding: .5rem .6rem; text-align: left; }
th, td { padding: .35rem .6rem; border-top: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; } .name { text-align: left; }
tr.strongest td { background: var(--band); font-weight: 600; }
svg { display: block; width: 100%; max-width: 44rem; height: auto; } svg text { fill: var(--text); font: 12px system-ui, sans-serif; }
svg .grid { stroke: var(--line); } svg .guess { stroke: var(--soft); stroke-dasharray: 4 4; }
"""
COLORS = 6
LEFT, TOP, WIDTH, HEIGHT, RIGHT = 56, 14, 460, 260, 190  # pixels of the figure


def write_report(results: Results, command: str) -> Path:
    """Writes `audit.html` of `audit.csv`, `audit-oracle.csv` and `audit-notes.csv`."""
    return write_file(results.folder / PAGE, page(results, command).encode(), force=True)


def page(results: Results, command: str) -> str:
    """The whole file."""
    table, told, notes = (results.rows(name) for name in ("audit", "audit-oracle", "audit-notes"))
    best = strongest(table)
    parts = [
        f"<h1>Audit: {escape(', '.join(_subjects(table)) or 'nothing yet')}</h1>",
        "<p>How surely are these files found, and by whom? P_E is how often the strongest detector errs, on covers and stego images alike "
        "that it has not seen: .5 is guessing, 0 finds every file. ± is a 95 % interval.</p>",
        "<h2>What it says</h2>", _list(sentences(best, told)), _list([row["note"] for row in notes if row["note"]], "soft"),
    ]  # fmt: skip
    for kind in dict.fromkeys(row["kind"] for row in table):
        rows = [row for row in best if row["kind"] == kind]
        parts += [f"<h2>Leaked pairs: {escape(KINDS[kind])}</h2>", figure(rows)]
    parts += [f"<h2>{title}</h2>{_detectors(rows)}" for title, rows in _tables(table)]
    if told:
        parts.append("<h2>The tool itself, without the pass phrase</h2>" + _oracle(told))
    parts += ["<h2>How it was measured</h2>", _protocol(), f'<p class="soft">isgan {escape(__version__)}'
              + (f": <code>{escape(command)}</code>" if command else "") + "</p>"]  # fmt: skip
    head = ("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" "
            "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width, "
            "initial-scale=1\">\n<title>isgan: audit</title>\n<style>")  # fmt: skip
    return head + STYLE + "</style>\n</head>\n<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"


def _subjects(table: Sequence[Mapping[str, str]]) -> list[str]:
    return list(dict.fromkeys(row["subject"] for row in table if row["level"] == "S3"))


def _list(lines: Sequence[str], style: str = "") -> str:
    return f'<ul class="{style}">' + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>" if lines else ""


def _tables(table: Sequence[Mapping[str, str]]) -> list[tuple[str, list[Mapping[str, str]]]]:
    """Title and rows of each table: one for each kind of covers."""
    return [(f"Every detector: {escape(KINDS[kind])}", [row for row in table if row["kind"] == kind])
            for kind in dict.fromkeys(row["kind"] for row in table)]  # fmt: skip


def _detectors(rows: Sequence[Mapping[str, str]]) -> str:
    shares = ("p_e", "auc", "wauc", "md5")
    head = ("level", "files of", "trained on", "leaked", "tested on", "detector", "P_E", "AUC", "wAUC", "MD5", "pairs", "splits")
    lines = []
    for row in rows:
        leaked = row["leaked"] if int(row["leaked"]) else str(int(row["train_pairs"]) + int(row["val_pairs"]))
        cells = [row["level"], row["subject"], row["trained_on"], leaked, row["source"] or "all sources", row["detector"]]
        cells += [number(float(row[name]), float(row[f"{name}_interval"])) for name in shares]
        lines.append(([*cells, row["tested_pairs"], row["splits"]], bool(row["strongest"])))
    return _table(head, lines, "Shaded: the strongest detector of each test, by its validation pairs.", 6)


def _oracle(told: Sequence[Mapping[str, str]]) -> str:
    lines = [([row["kind"], row["subject"], row["statistic"], number(float(row["auc"]), float(row["auc_interval"])), row["pairs"]], False)
             for row in told]  # fmt: skip
    caption = "± is the interval of a statistic that tells nothing, around .5; of what is revealed, that over the splits."
    return _table(("covers", "files of", "what could tell", "AUC", "pairs"), lines, caption, 3)


def _table(head: Sequence[str], lines: Sequence[tuple[Sequence[str], bool]], caption: str, names: int) -> str:
    """A table whose first `names` columns are words; a line is its cells, and whether it stands out."""

    def row(cells: Sequence[str], tag: str) -> str:
        return "".join(f"<{tag}{' class=name' if at < names else ''}>{escape(cell)}</{tag}>" for at, cell in enumerate(cells))

    body = "".join(f"<tr{' class=strongest' if out else ''}>{row(cells, 'td')}</tr>" for cells, out in lines)
    return (f'<div class="scroll" tabindex="0"><table><caption>{escape(caption)}</caption><thead><tr>{row(head, "th")}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")  # fmt: skip


def _protocol() -> str:
    items = "".join(f"<dt>{level}</dt><dd>{escape(words)}</dd>" for level, words in levels.LEVELS.items())
    return (
        "<p>Files are judged as a receiver gets them, written and read back. A cover and its stego image are never divided between what a "
        "detector learns from, what its threshold is chosen on, and what is tested; covers and secrets are different photographs, and each "
        "image has a pass phrase of its own. In each split other pairs are tested, so that each is tested once. Of two sources of error, "
        "the splits and the number of files, the interval is the wider. wAUC counts few false alarms twice, as ALASKA does (.59 is "
        f"guessing); MD5 is the share of stego images that are missed at 5 % of false alarms (.95 is guessing).</p><dl>{items}</dl>"
    )


def figure(rows: Sequence[Mapping[str, str]]) -> str:
    """The learning curves of level S3 as SVG: P_E against the number of leaked pairs."""
    curves: dict[str, list[tuple[int, float, float]]] = {}
    for row in rows:
        if row["level"] == "S3":
            leaked = int(row["leaked"]) or int(row["train_pairs"]) + int(row["val_pairs"])
            curves.setdefault(row["subject"], []).append((leaked, float(row["p_e"]), float(row["p_e_interval"])))
    if not curves:
        return "<p>Not measured yet.</p>"
    counts = [count for points in curves.values() for count, *_ in points]
    first, last = math.log10(min(counts)), math.log10(max(counts))

    def across(count: float) -> float:
        return LEFT + WIDTH * ((math.log10(count) - first) / (last - first) if last > first else 0.5)

    def down(error: float) -> float:
        return TOP + HEIGHT * (1 - min(error, 0.55) / 0.55)

    return _svg(curves, sorted(set(counts)), across, down)


def _svg(curves: Mapping[str, list[tuple[int, float, float]]], counts: Sequence[int], across: Callable[[float], float],
         down: Callable[[float], float]) -> str:  # fmt: skip
    out = [f'<svg viewBox="0 0 {LEFT + WIDTH + RIGHT} {TOP + HEIGHT + 48}" role="img" aria-label="P_E against leaked pairs">']
    for tenths in range(6):
        y = down(tenths / 10)
        style = "guess" if tenths == 5 else "grid"
        out.append(f'<line class="{style}" x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
                   f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">.{tenths}</text>')  # fmt: skip
    out.append(f'<text x="{LEFT + WIDTH + 6}" y="{down(0.5) + 4:.1f}">guessing</text>')
    shown = -math.inf
    for count in counts:
        if across(count) - shown > 28:
            shown = across(count)
            out.append(f'<text x="{shown:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{count}</text>')
    out.append(f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 40}" text-anchor="middle">pairs that leaked</text>'
               f'<text x="14" y="{TOP + HEIGHT / 2}" transform="rotate(-90 14 {TOP + HEIGHT / 2})" text-anchor="middle">P_E</text>')
    for place, (name, points) in enumerate(curves.items()):
        color = f"var(--c{place % COLORS})"
        points = sorted(points)
        path = " ".join(f"{across(count):.1f},{down(error):.1f}" for count, error, _ in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        for count, error, width in points:
            x = across(count)
            out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{down(error + width):.1f}" y2="{down(max(error - width, 0)):.1f}" '
                       f'stroke="{color}" opacity=".5"/><circle cx="{x:.1f}" cy="{down(error):.1f}" r="3.5" fill="{color}"/>')  # fmt: skip
        y = TOP + 34 + 20 * place
        out.append(f'<circle cx="{LEFT + WIDTH + 14}" cy="{y + 16}" r="4" fill="{color}"/>'
                   f'<text x="{LEFT + WIDTH + 24}" y="{y + 20}">{escape(name)}</text>')  # fmt: skip
    return "".join(out) + "</svg>"
