"""Bugs in what guards us: against what is sent twice or at once, against deaths, pauses and a busy database."""

from tests.mutations.mutation import AREA, Edit, Mutation
from tests.mutations.usual import CRASHING, DOCUMENT

AT_ONCE = "tests/models/test_databases_at_once.py::"
AWAY = "webapp/away.py"
GATE = "tests/test_gate.py::"
LEASE = "tasks/lease.py"
SEATS = "tests/views/test_seats.py::"
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
    Mutation(
        "M82",
        "Two clicks at one moment have more wishes written than may be",
        (Edit(DOCUMENT, "        if admit:\n            admit(ask)\n", ""),),
        (AT_ONCE + "test_of_many_who_ask_in_their_own_words_at_once_only_so_many_are_admitted",),
    ),
    Mutation(
        "M83",
        "On its last chance a poisonous document takes those beside it along",
        (
            Edit(
                CRASHING,
                "return or_(model.crashes < LAST_CHANCE, ~others.exists())",
                "return or_(model.crashes >= 0)",
            ),
        ),
        ("tests/models/test_crashing.py::test_who_died_beside_a_poisonous_one_is_written_apart_from_it",),
    ),
    Mutation(
        "M84",
        "Who was on the last chance keeps everybody else waiting",
        (Edit(CRASHING, "or_(model.crashes < LAST_CHANCE, ~others.exists())", "or_(~others.exists())"),),
        ("tests/models/test_crashing.py::test_what_never_killed_anybody_waits_for_nobody",),
    ),
    Mutation(
        "M85",
        "A finished answer is thrown away where the database is busy for a moment",
        (Edit(LEASE, "        if not insist(self.claim, write):\n", "        if not write():\n"),),
        ("tests/tasks/test_lease.py::test_an_answer_is_paid_for_once_whatever_of_the_database_fails",),
    ),
    Mutation(
        "M86",
        "A worker takes what was kept out for stored",
        (
            Edit(
                LEASE,
                "        if not insist(self.claim, write):\n            raise LostLease\n",
                "        insist(self.claim, write)\n",
            ),
        ),
        ("tests/tasks/test_lease.py::test_who_has_lost_the_row_hears_that_nothing_was_stored",),
    ),
    Mutation(
        "M87",
        "Each of a page's questions waits for a Redis that never answers",
        (Edit(AWAY, "            self._until = time.monotonic() + AWAY_SECONDS\n", ""),),
        ("tests/test_away.py::test_one_wait_spares_all_others_theirs",),
    ),
    Mutation(
        "M88",
        "A Redis that was away once is never asked again",
        (Edit(AWAY, "        if time.monotonic() < self._until:\n", "        if self._until:\n"),),
        ("tests/test_away.py::test_it_is_asked_again_after_a_while",),
    ),
    Mutation(
        "M89",
        "Whoever is due probes a model server that is away, all at once",
        (
            Edit(
                "webapp/models/model_server.py",
                ".where(cls.reason.is_not(None), cls.paused_until <= now())",
                ".where(cls.reason.is_not(None))",
            ),
        ),
        (AT_ONCE + "test_of_many_claims_in_a_pause_of_the_model_server_one_is_its_probe",),
    ),
    Mutation(
        "M90",
        "The processes together want more connections than PostgreSQL lets in",
        (Edit("webapp/application.py", '"max_overflow": 10,', '"max_overflow": 100,'),),
        (
            "tests/models/test_databases.py::test_connections_of_a_process_have_a_bound_that_leaves_room_for_the_others",
        ),
    ),
    Mutation(
        "M91",
        "A summary in an export is markup to who opens it",
        (Edit("webapp/reading/copying.py", "    return _TAG.sub(", "    return words or _TAG.sub("),),
        ("tests/reading/test_copying.py::test_summary_loads_nothing_and_leads_nowhere",),
    ),
    Mutation(
        "M92",
        "Who reads a stream slowly is left with words that are older than the state",
        (Edit("webapp/views/seats.py", 'self._state, self._words = data, b""', "self._state = data"),),
        (SEATS + "test_page_that_reads_slowly_gets_the_last_state_and_the_last_words_since",),
    ),
    Mutation(
        "M93",
        "A page is sent more while it has not taken what came before",
        (Edit("webapp/views/seats.py", "        if self._is_behind:\n", "        if False:\n"),),
        (SEATS + "test_page_that_reads_slowly_gets_the_last_state_and_the_last_words_since",),
    ),
    Mutation(
        "M94",
        "One sign-in that ends takes the streams of all who listen to the same",
        (
            Edit(
                "webapp/views/audiences.py",
                "[each for each in self._seats if each.sign_in not in standing]",
                "[each for each in self._seats if len(standing) < 2]",
            ),
        ),
        (AREA + "test_one_sign_in_that_ends_takes_only_its_own_streams",),
    ),
    Mutation(
        "M95",
        "A page that has left takes a place for ever",
        (Edit("webapp/views/audiences.py", "        hub().add_pages(-len(seats))\n", ""),),
        (AREA + "test_pages_that_listen_are_counted_as_long_as_they_do",),
    ),
    Mutation(
        "M96",
        "A crowd that comes at once goes before whoever looks at a page that is kept",
        (Edit("webapp/processes/gate.py", "self._quick if is_quick else self._others", "self._others"),),
        (GATE + "test_who_was_given_a_kept_page_goes_before_a_crowd",),
    ),
    Mutation(
        "M97",
        "Who asks for what is not kept waits as long as others are given kept pages",
        (Edit("webapp/processes/gate.py", "return self._others if", "return self._quick if"),),
        (GATE + "test_who_has_waited_long_is_let_in_every_other_time",),
    ),
)
