"""Bugs put back into our code on purpose, each with the tests that must go red."""

from tests.mutations.guards import GUARDS
from tests.mutations.mutation import Edit, Mutation, Stale
from tests.mutations.own import OWN
from tests.mutations.usual import USUAL

ALL = (*USUAL, *OWN, *GUARDS)

__all__ = ["ALL", "GUARDS", "OWN", "USUAL", "Edit", "Mutation", "Stale"]
