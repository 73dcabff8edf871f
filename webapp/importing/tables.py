"""Which tables of a page are tables, and what their rows are."""

from lxml.html import HtmlElement

MOST_COLUMNS = 50
MOST_SPANNED_ROWS = 1_000
NOT_IN_CELLS = {
    "table",
    "pre",
    "ul",
    "ol",
    "dl",
    "blockquote",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "section",
    "article",
}

Row = list[HtmlElement | None]


def rows_of(table: HtmlElement) -> list[Row] | None:
    """The rows of a table, all of one length, the head first; None where it only puts things side by side."""
    if table.get("role") in ("presentation", "none"):
        return None
    if any(element.tag in NOT_IN_CELLS for element in table.iter() if element is not table):
        return None
    rows = _spread([row for row in table.iter("tr") if len(row)])
    width = max(map(len, rows), default=0)
    if not rows or not 2 <= width <= MOST_COLUMNS or len(rows) < 2:
        return None
    return [row + [None] * (width - len(row)) for row in rows]


def _spread(rows: list[HtmlElement]) -> list[Row]:
    """Cells at their columns: one that spans more leaves the others empty."""
    spread: list[Row] = []
    taken: dict[int, int] = {}
    for row in rows:
        cells: Row = []
        for cell in row.iterchildren("td", "th"):
            _skip(cells, taken)
            down, across = _span(cell, "rowspan", MOST_SPANNED_ROWS), _span(cell, "colspan", MOST_COLUMNS)
            taken.update({len(cells) + n: down for n in range(across)})
            cells += [cell, *[None] * (across - 1)]
        _skip(cells, taken)
        taken = {column: left - 1 for column, left in taken.items() if left > 1}
        spread.append(cells)
    return spread


def _skip(cells: Row, taken: dict[int, int]) -> None:
    while taken.get(len(cells), 0) and len(cells) < MOST_COLUMNS:
        cells.append(None)


def _span(cell: HtmlElement, name: str, most: int) -> int:
    value = cell.get(name, "1").strip()
    return min(int(value), most) if value.isdecimal() and len(value) < 6 and int(value) else 1
