"""Sources of texts, imports, nodes of long documents, and what is asked of a summary"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ASKED = (
    sa.Column("style", sa.String(length=12), nullable=False, server_default="key points"),
    sa.Column("language", sa.String(length=40), nullable=False, server_default="document"),
    sa.Column("instruction", sa.Text(), nullable=False, server_default=""),
    sa.Column("task", sa.Text(), nullable=False, server_default=""),
    sa.Column("base_hash", sa.String(length=64), nullable=False, server_default=""),
    sa.Column("parts_done", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("parts_total", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("coverage", sa.Text(), nullable=True),
    sa.Column("grounding", sa.Text(), nullable=True),
)
CHOSEN = sa.text("choice IS NOT NULL")
UNASKED = sa.text("summary_id IS NULL")


def upgrade() -> None:
    op.create_table(
        "sources",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("author", sa.String(length=300), nullable=True),
        sa.Column("dated", sa.String(length=10), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_sources_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
        sa.UniqueConstraint("document_id", "version", name=op.f("uq_sources_document_id_version")),
    )
    with op.batch_alter_table("sources", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sources_sha256"), ["sha256"], unique=False)
        batch_op.create_index(batch_op.f("ix_sources_url"), ["url"], unique=False)
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("size_bytes", sa.Integer(), nullable=True),
        sa.Column("media_type", sa.String(length=100), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.Double(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("error_code", sa.String(length=40), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
        sa.Column("document_id", sa.Integer(), nullable=True),
        sa.Column("aim", sa.String(length=12), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_imports_member_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("imports", schema=None) as batch_op:
        batch_op.create_index("ix_imports_due", ["status", "next_attempt_at"], unique=False)
        batch_op.create_index("ix_imports_of_member", ["member_id", "id"], unique=False)
    op.create_table(
        "nodes",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("tokens_in", sa.Integer(), nullable=True),
        sa.Column("tokens_out", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_nodes")),
    )
    op.create_table(
        "node_uses",
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_node_uses_document_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["key"], ["nodes.key"], name=op.f("fk_node_uses_key"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("document_id", "key", name=op.f("pk_node_uses")),
    )
    with op.batch_alter_table("node_uses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_node_uses_key"), ["key"], unique=False)
        batch_op.create_index(batch_op.f("ix_node_uses_used_at"), ["used_at"], unique=False)
    op.create_table(
        "model_limits",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("context_tokens", sa.Integer(), nullable=True),
        sa.Column("calibration", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_model_limits")),
    )
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_documents_created_at"), ["created_at"], unique=False)
    with op.batch_alter_table("revisions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("format", sa.String(length=12), nullable=False, server_default="plain"))
    with op.batch_alter_table("summaries", schema=None) as batch_op:
        for column in ASKED:
            batch_op.add_column(column)
    op.execute("UPDATE summaries SET base_hash = recipe_hash")  # nothing else could be asked for
    op.create_table(
        "prompts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("style", sa.String(length=12), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_prompts_member_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompts")),
        sa.UniqueConstraint("style", "edition", name=op.f("uq_prompts_style_edition")),
    )
    with op.batch_alter_table("prompts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_prompts_member_id"), ["member_id"], unique=False)
    op.create_table(
        "tryouts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("summary_id", sa.Integer(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_tryouts_member_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["summary_id"], ["summaries.id"], name=op.f("fk_tryouts_summary_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tryouts")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("tryouts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tryouts_member_id"), ["member_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_tryouts_summary_id"), ["summary_id"], unique=False)
    _make_rewarmings()
    _make_room_for_people()


def _make_rewarmings() -> None:
    op.create_table(
        "reads",
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_reads_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_reads")),
    )
    op.create_table(
        "rewarmings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("made_with", sa.Text(), nullable=False),
        sa.Column("recipe_hash", sa.String(length=64), nullable=False),
        sa.Column("started_by", sa.String(length=120), nullable=False),
        sa.Column("chosen", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("moved_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rewarmings")),
        sa.UniqueConstraint("slot", name=op.f("uq_rewarmings_slot")),
    )
    op.create_table(
        "rewarming_items",
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("rewarming_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("is_asked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_rewarming_items_document_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["rewarming_id"],
            ["rewarmings.id"],
            name=op.f("fk_rewarming_items_rewarming_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_rewarming_items")),
    )
    with op.batch_alter_table("rewarming_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rewarming_items_place"), ["place"], unique=False)
        batch_op.create_index(batch_op.f("ix_rewarming_items_rewarming_id"), ["rewarming_id"], unique=False)
    with op.batch_alter_table("summaries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rewarming_id", sa.Integer(), nullable=True))


def _make_room_for_people() -> None:
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("choices", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("wishes", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("votes", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table(
        "summaries", schema=None, table_kwargs={"sqlite_autoincrement": True}
    ) as batch_op:
        batch_op.add_column(sa.Column("author_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("choice", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_summaries_author_id"), "members", ["author_id"], ["id"], ondelete="SET NULL"
        )
        batch_op.create_index(
            "ix_summaries_chosen", ["document_id"], sqlite_where=CHOSEN, postgresql_where=CHOSEN
        )
    op.create_table(
        "feedback",
        sa.Column("summary_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("is_useful", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["summary_id"], ["summaries.id"], name=op.f("fk_feedback_summary_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_feedback_member_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("summary_id", "member_id", name=op.f("pk_feedback")),
    )
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_feedback_created_at"), ["created_at"], unique=False)
    for table in ("documents", "imports"):
        op.add_column(table, sa.Column("receipt", sa.String(length=64), nullable=True))
        op.create_index(op.f(f"ix_{table}_receipt"), table, ["receipt"], unique=True)
    op.create_index(
        "ix_documents_unasked", "documents", ["characters"], sqlite_where=UNASKED, postgresql_where=UNASKED
    )


def downgrade() -> None:
    op.drop_index("ix_documents_unasked", "documents")
    op.drop_index(op.f("ix_documents_receipt"), "documents")
    op.drop_table("feedback")
    with op.batch_alter_table("summaries", schema=None) as batch_op:
        batch_op.drop_index("ix_summaries_chosen")
        batch_op.drop_constraint(batch_op.f("fk_summaries_author_id"), type_="foreignkey")
        batch_op.drop_column("choice")
        batch_op.drop_column("author_id")
    for name in (
        "receipt",
        "votes",
        "wishes",
        "choices",
    ):  # a copy of the table would take what hangs on it along
        op.execute(f"ALTER TABLE documents DROP COLUMN {name}")
    op.drop_table("tryouts")
    op.drop_table("prompts")
    with op.batch_alter_table("summaries", schema=None) as batch_op:
        batch_op.drop_column("rewarming_id")
    for table in ("rewarming_items", "rewarmings", "reads"):
        op.drop_table(table)
    with op.batch_alter_table("summaries", schema=None) as batch_op:
        for column in ASKED:
            batch_op.drop_column(column.name)
    with op.batch_alter_table("revisions", schema=None) as batch_op:
        batch_op.drop_column("format")
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_documents_created_at"))
    op.drop_table("model_limits")
    op.drop_table("node_uses")
    op.drop_table("nodes")
    op.drop_table("imports")
    op.drop_table("sources")
