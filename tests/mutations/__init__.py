"""Bugs put back into our code on purpose, each with the tests that must go red."""

from tests.mutations.mutation import Edit, Mutation, Stale
from tests.mutations.own import OWN
from tests.mutations.usual import USUAL

ALL = (*USUAL, *OWN)

__all__ = ["ALL", "OWN", "USUAL", "Edit", "Mutation", "Stale"]
