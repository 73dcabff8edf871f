"""What reading one file may cost, and what is known of one that a link led to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`seconds` bound the clock and the processor time, `memory_bytes` the address space of each of at most two
    processes.

    The other fields bound the file and its text. A book holds one entry a chapter and picture, so it may have
    more of them than an office file.
    """

    seconds: int = 60
    memory_bytes: int = 1024 * 1024 * 1024
    most_bytes_in: int = 100_000_000
    most_characters_out: int = 4_000_000
    most_pages: int = 5_000
    most_entries: int = 2_000
    most_entries_of_a_book: int = 10_000
    most_unpacked_bytes: int = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Where a web page was, and the character set that its site named."""

    address: str
    charset: str | None = None
