"""Leases that are extended, all those of a process in one statement: a transaction costs as much for one as for many."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import tuple_, update

from webapp.extensions import current_settings, db, now
from webapp.models.holding import holding

if TYPE_CHECKING:
    from webapp.models.summary import Claim


class Renewing:
    """How a summary's claims are kept. That of a dead process need not outlive the machine: none waits for the disk."""

    @classmethod
    def renew(cls, claim: "Claim") -> bool:
        """Extend the lease. False: the text has changed or somebody else has the row, so stop."""
        return not cls.renew_all([claim])

    @classmethod
    def renew_all(cls, claims: Sequence["Claim"]) -> "set[Claim]":
        """Extend these leases. Returns those that are lost."""
        from webapp.models.summary import Status, Summary

        standing = {(claim.summary_id, claim.fence): claim for claim in claims}
        extended = (
            update(Summary)
            .where(
                Summary.id.in_([summary_id for summary_id, _ in standing]),
                tuple_(Summary.id, Summary.fence).in_(list(standing)),
                Summary.status == Status.PROCESSING,
            )
            .values(lease_until=now() + current_settings().lease_seconds)
            .returning(Summary.id, Summary.fence)
        )
        with holding(*{claim.document_id for claim in claims}, is_durable=False):
            rows = db.session.execute(extended, execution_options={"synchronize_session": False})
            kept = {tuple(row) for row in rows}
        return {claim for key, claim in standing.items() if key not in kept}
