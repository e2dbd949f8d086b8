"""Plain tables in Markdown."""

from __future__ import annotations


class Table:
    def __init__(self, title: str, heads: list[str], note: str = "") -> None:
        self.title = title
        self._note = note
        self._rows = [heads]

    def add(self, *cells: object) -> None:
        self._rows.append([_text(cell) for cell in cells])

    def __str__(self) -> str:
        widths = [max(len(row[n]) for row in self._rows) for n in range(len(self._rows[0]))]
        lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in self._rows]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join(
            [f"### {self.title}", "", *lines, *(["", self._note] if self._note else [])]
        )


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:.2f}" if cell < 100 else f"{cell:,.0f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
