"""Bugs in what guards us: against what is sent twice or at once, against deaths, pauses and a busy database."""

from tests.mutations.mutation import Edit, Mutation

TWICE = "tests/views/test_forms_sent_twice.py::"

GUARDS = (
    Mutation(
        "M80",
        "A form that is sent twice makes two documents",
        (Edit("webapp/views/documents.py", "form=form.token", 'form=""'),),
        (
            TWICE + "test_two_clicks_at_once_make_one_document",
            TWICE + "test_save_whose_answer_was_lost_makes_one_document_when_it_is_sent_again",
        ),
    ),
    Mutation(
        "M81",
        "What was changed before a form is sent again is lost",
        (
            Edit(
                "webapp/models/receipt.py", "[member.id, form[:FORM_CHARACTERS], *said]", "[member.id, form]"
            ),
        ),
        (
            TWICE + "test_what_was_changed_before_it_was_sent_again_is_a_document_of_its_own",
            TWICE + "test_file_that_was_added_before_the_form_was_sent_again_is_brought_in",
        ),
    ),
)
