"""The library as a folder that people can read and Precis can take back: `precis export`, and its import."""

from webapp.models.archive.folder import Refused, is_archive
from webapp.models.archive.reading import Arrival, read
from webapp.models.archive.writing import Departure, write

__all__ = ["Arrival", "Departure", "Refused", "is_archive", "read", "write"]
