"""Lists in pages, which count from 1: which one is meant, and where it stands among them."""

from math import ceil


class Paged:
    """One page of a list. Whoever is one says which, and of how many."""

    __slots__ = ()

    page: int
    pages: int

    @property
    def has_previous(self) -> bool:
        return self.page > 1

    @property
    def has_next(self) -> bool:
        return self.page < self.pages

    @property
    def linked(self) -> list[int]:
        """The pages that each page has links to: the first, the last, and those around this one."""
        near = range(max(1, self.page - 1), min(self.pages, self.page + 1) + 1)
        return sorted({1, *near, self.pages})


def within(number: int, total: int, size: int) -> tuple[int, int]:
    """(the page that is meant by `number`, beyond the end the last one; how many there are), of `total` rows."""
    pages = max(1, ceil(total / size))
    return min(max(1, number), pages), pages
