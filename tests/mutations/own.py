"""Bugs of our own design, which the usual recipe has no room for."""

from tests.mutations.mutation import ACCESS, AREA, LIFE, PAGES, Edit, Mutation
from tests.mutations.usual import (
    AUDIENCES,
    CRASHING,
    DOCUMENT,
    FINISHING,
    OPENAI,
    SHOWN,
    SUMMARY,
    SWEEPER,
    VIEW,
)

WORDS = "tests/models/test_words.py::"
LONG = "tests/models/test_long_documents.py::"
REWARM = "tests/models/test_rewarming.py::"
PROMPTS = "tests/models/test_prompts.py::"
TASKS = "webapp/models/tasks.py"
LEASE = "tests/tasks/test_lease.py::"
QUEUE = "tests/views/test_queue.py::"
READING = "tasks/reading.py"
USUAL_CLAIM = "                attempts=cls.attempts + 1,\n"

OWN = (
    Mutation(
        "M01",
        "A server that is away costs the document its tries",
        (Edit(SUMMARY, '                "attempts": Summary.attempts - 1,\n', ""),),
        (
            LIFE + "test_server_that_is_away_pauses_the_lane_and_burns_nothing",
            LIFE + "test_wrong_setting_costs_one_call_and_says_what_to_mend",
        ),
    ),
    Mutation(
        "M02",
        "A worker that is stopped costs the document a try",
        (Edit(SUMMARY, "                attempts=cls.attempts - 1,\n", ""),),
        (LIFE + "test_stopping_worker_gives_its_row_back",),
    ),
    Mutation(
        "M03",
        "An attempt is counted after its work, so that a crash is never counted",
        (
            Edit(SUMMARY, USUAL_CLAIM, ""),
            Edit(
                FINISHING,
                "            status=Status.COMPLETE,\n",
                "            attempts=Summary.attempts + 1,\n            status=Status.COMPLETE,\n",
            ),
        ),
        (LIFE + "test_attempt_is_counted_before_the_work",),
    ),
    Mutation(
        "M04",
        "A poisonous document takes one worker after the other",
        (Edit(CRASHING, "crashes >= MAX_CRASHES or ", ""),),
        (LIFE + "test_poisonous_document_fails_after_three_crashes",),
    ),
    Mutation(
        "M05",
        "The token of what is seen never changes: a page that polls stays as it is",
        (Edit("webapp/models/summary_area.py", "sha256(repr(shown).encode())", "sha256(b'shown')"),),
        (AREA + "test_poll_answers_nothing_while_nothing_is_new",),
    ),
    Mutation(
        "M06",
        "The token of what is seen always changes: a page that polls is drawn anew each time",
        (
            Edit(
                "webapp/models/summary_area.py",
                "sha256(repr(shown).encode())",
                "sha256(repr((shown, object())).encode())",
            ),
        ),
        (AREA + "test_poll_answers_nothing_while_nothing_is_new",),
    ),
    Mutation(
        "M07",
        "`Last-Event-ID` is ignored: each reconnect repeats what was there",
        (Edit(AUDIENCES, 'request.headers.get("Last-Event-ID", "")', '""'),),
        (AREA + "test_reconnect_that_missed_nothing_is_sent_nothing",),
    ),
    Mutation(
        "M08",
        "The state is never sent to a page that waits: a reconnect loses what was missed",
        (Edit(AUDIENCES, "if each.last_event_id != seen]", "if not each.last_event_id]"),),
        (AREA + "test_reconnect_that_missed_something_gets_the_current_state",),
    ),
    Mutation(
        "M09",
        "An open stream outlives the sign-in",
        (
            Edit(
                "webapp/views/streams.py",
                "            if not is_still_signed_in():\n                return\n",
                "            is_still_signed_in()\n",
            ),
            Edit(
                AUDIENCES,
                "        self._let_go([each for each in self._seats if each.sign_in not in standing])\n",
                "",
            ),
        ),
        (AREA + "test_stream_ends_when_the_sign_in_does",),
    ),
    Mutation(
        "M10",
        "A lost event is never made up for",
        (
            Edit(
                VIEW,
                "        return self.read(fact.at if fact else time.monotonic() - STALE_SECONDS)\n",
                "        return self.read(fact.at) if fact else False\n",
            ),
        ),
        (AREA + "test_lost_push_is_made_up_for",),
    ),
    Mutation(
        "M11",
        "Warming has no cap: what nobody asked for is bought without end",
        (
            Edit(
                SUMMARY,
                'MUCH if settings.engine == "extract" else settings.warm_per_hour',
                "MUCH",
            ),
        ),
        (LIFE + "test_warming_has_a_cap_an_hour_which_readers_do_not_feel",),
    ),
    Mutation(
        "M12",
        "Who opens a document waits behind all that nobody waits for",
        (
            Edit(
                DOCUMENT,
                "            waiting = self._promoted(ask, again, keeps_wait) or self._asked(ask, again, keeps_wait, admit)",
                "            waiting = again and (self._promoted(ask, again, keeps_wait) or self._asked(ask, again, keeps_wait, admit))",
            ),
        ),
        (
            LIFE + "test_view_promotes_what_waits_in_the_warm_lane",
            LIFE + "test_edits_settle_and_a_view_cuts_the_wait_short",
        ),
    ),
    Mutation(
        "M13",
        "Each of many edits is summarised: none waits for the next",
        (Edit(DOCUMENT, "_warm(wait_seconds=current_settings().edit_wait_seconds)", "_warm()"),),
        (LIFE + "test_edits_settle_and_a_view_cuts_the_wait_short",),
    ),
    Mutation(
        "M14",
        "A pause of the model server holds nobody back",
        (
            Edit(
                SUMMARY,
                '"as_probe": as_probe}',
                '"as_probe": True}',
            ),
        ),
        (
            LIFE + "test_wrong_setting_costs_one_call_and_says_what_to_mend",
            LIFE + "test_five_failures_in_a_row_pause_the_lane",
        ),
    ),
    Mutation(
        "M15",
        "A long answer loses its lease, for nobody renews it",
        (Edit("tasks/lease.py", "self.heard_at >= self.renew_at:\n", "self.renew_at < 0:\n"),),
        (
            LIFE + "test_lease_is_renewed_while_words_arrive",
            LIFE + "test_run_on_an_old_text_is_stopped_early",
        ),
    ),
    Mutation(
        "M16",
        "An answer that was cut passes for a whole one",
        (
            Edit(OPENAI, "            if not draft.is_whole:\n", "            if not draft.model:\n"),
            Edit(
                OPENAI,
                "    if not draft.is_whole:\n        is_stream",
                "    if not has_chunks:\n        is_stream",
            ),
        ),
        (
            LIFE + "test_partial_text_is_never_stored_or_shown_as_complete",
            LIFE + "test_each_outcome_has_its_class",
        ),
    ),
    Mutation(
        "M17",
        "A hint that was lost is never sent again",
        (
            Edit(
                SWEEPER,
                "    Document.request_missing()\n    is_more = hint_now()\n",
                "    Document.request_missing()\n    is_more = False\n",
            ),
        ),
        (LIFE + "test_sweeper_sends_what_was_lost_and_does_not_pile_up",),
    ),
    Mutation(
        "M18",
        "A document whose request was lost has no summary until somebody opens it",
        (Edit(SWEEPER, "    Document.request_missing()\n", ""),),
        (LIFE + "test_sweeper_asks_for_what_nobody_asked_for",),
    ),
    Mutation(
        "M19",
        "The cache unpickles what it finds, so whoever can write to Redis runs code here",
        (Edit("webapp/application.py", '        "CACHE_SERIALIZER": QuietJSON,\n', ""),),
        (LIFE + "test_planted_pickle_is_never_run",),
    ),
    Mutation(
        "M20",
        "Of two editors the second one's save undoes the first one's",
        (
            Edit(
                DOCUMENT,
                "            if version is not None and version != document.version:\n                raise StaleEdit\n",
                "",
            ),
        ),
        (PAGES + "test_two_editors_lose_nothing",),
    ),
    Mutation(
        "M21",
        "An open stream keeps its database connection",
        (
            Edit(
                "webapp/views/readings.py",
                '        return Reading(f"document-{document_id}-summary", area, voters=voters, begun_at=begun_at)\n    finally:\n        db.session.remove()\n',
                '        return Reading(f"document-{document_id}-summary", area, voters=voters, begun_at=begun_at)\n    finally:\n        pass\n',
            ),
            Edit(
                "webapp/views/readings.py",
                "            html = self.draw(self.area)\n        finally:\n            db.session.remove()\n",
                "            html = self.draw(self.area)\n        finally:\n            pass\n",
            ),
        ),
        (AREA + "test_open_stream_holds_no_database_connection",),
    ),
    Mutation(
        "M22",
        "The summary's markup is not made safe",
        (
            Edit(
                SUMMARY,
                "passages.found, way, summary_html)",
                "passages.found, way, lambda text, _: text)",
            ),
            Edit(
                SUMMARY,
                'return summary_html(self.text or "", self.format or "markdown")',
                'return self.text or ""',
            ),
        ),
        (AREA + "test_markup_in_a_summary_is_only_text",),
    ),
    Mutation(
        "M23",
        "A view may forget who is asking, and is then open to everybody",
        (
            Edit(
                "webapp/security.py",
                'if view is None or getattr(view, "is_public", False):',
                'if view is None or not getattr(view, "is_for_editors", False):',
            ),
        ),
        (
            ACCESS + "test_outsider_is_sent_to_sign_in_from_every_page",
            ACCESS + "test_outsider_gets_no_event",
        ),
        control="",
    ),
    Mutation(
        "M24",
        "Notes on a long document outlive it",
        (Edit(DOCUMENT, "            Node.forget(self.id)\n", ""),),
        (LONG + "test_deleted_document_leaves_no_notes",),
    ),
    Mutation(
        "M25",
        "All failures of a book's many calls count as tries of one summary",
        (Edit(SUMMARY, "            attempts=1,\n            crashes=0,\n", ""),),
        (LONG + "test_tries_are_counted_anew_when_a_part_was_read",),
    ),
    Mutation(
        "M26",
        "Notes are not kept, and each try pays for all parts anew",
        (Edit("webapp/models/node.py", "found |= {", "found.keys() & {"),),
        (
            LONG + "test_after_a_failure_only_what_is_missing_is_paid_for",
            LONG + "test_edit_pays_for_its_part_and_what_is_above_it",
        ),
    ),
    Mutation(
        "M40",
        "A prompt that is only tried is shown as everybody's",
        (Edit(TASKS, 'or_(task == "", saved.exists())', 'or_(task == "", task != "")'),),
        (
            PROMPTS + "test_a_try_out_touches_nothing_else",
            PROMPTS + "test_the_try_outs_of_yesterday_are_forgotten_but_for_what_was_saved",
        ),
    ),
    Mutation(
        "M41",
        "A process asks for ever by the prompts that it read first",
        (Edit(TASKS, "kept is None or kept.number != count", "kept is None"),),
        (PROMPTS + "test_another_process_asks_by_the_new_prompt_from_its_next_question_on",),
    ),
    Mutation(
        "M42",
        "A new prompt hides every summary that an older one wrote",
        (
            Edit(
                SUMMARY,
                'for name, value in _columns(ask).items() if name != "task"}',
                "for name, value in _columns(ask).items()}",
            ),
        ),
        (PROMPTS + "test_a_style_that_is_not_the_usual_one_keeps_its_old_summary_too",),
    ),
    Mutation(
        "M43",
        "A stale save puts a prompt in place of one that nobody has seen",
        (
            Edit(
                "webapp/models/prompt.py",
                "if edition != (newest.edition if newest else 0):",
                "edition = newest.edition if newest else 0\n        if edition < 0:",
            ),
        ),
        (PROMPTS + "test_a_stale_save_is_refused_and_kept_out",),
    ),
    Mutation(
        "M27",
        "A new summary of an edited text takes the place of a person's words",
        (
            Edit(
                "webapp/models/chosen.py",
                "of_this_text.scalar_subquery(), last.scalar_subquery())",
                "of_this_text.scalar_subquery(), 0)",
            ),
        ),
        (WORDS + "test_a_new_text_leaves_the_words_and_says_of_which_version_they_are",),
    ),
    Mutation(
        "M28",
        "The last to save wins: an editor never hears of the other one's words",
        (
            Edit(
                "webapp/models/words.py",
                "            if Words(document, self.ask).seen != seen:\n                raise StaleEdit\n",
                "",
            ),
        ),
        (
            WORDS + "test_what_changed_meanwhile_is_a_conflict",
            WORDS + "test_of_two_editors_at_once_one_wins",
        ),
    ),
    Mutation(
        "M29",
        "What the cache has of people's words outlives the next decision",
        (Edit("webapp/models/words.py", '            "choices": self.document.choices,\n', ""),),
        (WORDS + "test_using_another_one_puts_the_words_aside_and_they_can_be_used_again",),
    ),
    Mutation(
        "M50",
        "A library made anew takes every thread of the warm lane: who saves a document waits behind it",
        (Edit("webapp/models/rewarming.py", "warm_threads - 1)", "warm_threads)"),),
        (REWARM + "test_portions_are_small_and_leave_a_thread_of_the_warm_lane_free",),
    ),
    Mutation(
        "M51",
        "A library made anew uses up the hour's share of what is saved",
        (Edit(SUMMARY, "            other.rewarming_id.is_(None),\n", ""),),
        (REWARM + "test_hourly_cap_holds_for_what_nobody_asked_for_alone",),
    ),
    Mutation(
        "M52",
        "Another model in the middle goes on at a price that nobody was told",
        (
            Edit(
                "webapp/models/rewarming.py",
                "        if self.state == State.RUNNING and self._is_of_another_recipe:\n"
                "            self.state = State.OVERTAKEN\n",
                "",
            ),
        ),
        (REWARM + "test_another_recipe_in_the_middle_waits_for_somebody_to_say_that_it_is_meant",),
    ),
    Mutation(
        "M30",
        "A page that is read before the cache is filled ends with the edition before",
        (Edit(SHOWN, 'ready if ready and ready["id"] == current_id else None', "ready"),),
        (WORDS + "test_cache_that_is_an_edition_behind_is_not_believed",),
    ),
    Mutation(
        "M31",
        "Who opens an address pays for what it says",
        (Edit(SHOWN, "(document.is_short or ask.instruction)", "document.is_short"),),
        ("tests/models/test_wishes.py::test_to_open_an_address_never_asks",),
    ),
    Mutation(
        "M60",
        "What the model server taught is kept before its answer: where the database is busy, the answer is thrown away",
        (
            Edit(
                READING,
                "        self._budget = replace(self._budget, calibration=calibration)\n",
                "        self._budget = replace(self._budget, calibration=calibration)\n"
                "        ModelLimits.learn(self._budget)\n",
            ),
        ),
        (LEASE + "test_an_answer_is_paid_for_once_whatever_of_the_database_fails",),
    ),
    Mutation(
        "M61",
        "Notes that the database has no time for are thrown away, and paid for again",
        (
            Edit(
                READING,
                "insist(self.shelf.claim, partial(self.shelf.put, key, notes, tokens_in, tokens_out))",
                "self.shelf.put(key, notes, tokens_in, tokens_out)",
            ),
        ),
        (LEASE + "test_a_part_is_paid_for_once_whatever_of_the_database_fails",),
    ),
    Mutation(
        "M62",
        "A claim locks its summary first and an editor the document: on PostgreSQL each waits for the other",
        (
            Edit(
                "webapp/models/holding.py",
                'dialect.name == "postgresql":\n        db.session.execute(_that_of()',
                'dialect.name == "":\n        db.session.execute(_that_of()',
            ),
        ),
        ("tests/models/test_lock_order.py::test_nobody_waits_for_a_claim_that_waits_for_them",),
    ),
    Mutation(
        "M70",
        "A form that takes its time keeps a connection to the database: a few of them, and nobody else has one",
        (
            Edit(
                "webapp/uploads.py",
                "    finally:\n        db.session.remove()\n",
                "    finally:\n        pass\n",
            ),
        ),
        ("tests/views/test_imports.py::test_form_that_takes_its_time_keeps_no_connection_to_the_database",),
    ),
    Mutation(
        "M71",
        "Redis holds a hint of each summary that waits, without bound",
        (Edit("tasks/broker.py", "> MOST_HINTS:", "< 0:"),),
        ("tests/tasks/test_broker.py::test_queue_holds_so_many_hints_and_no_sender_hears_of_it",),
    ),
    Mutation(
        "M72",
        "A lane that is empty gets nothing, for as many wait for another one as are looked at",
        (Edit(SUMMARY, ", cls.lane.in_(lanes)", ""),),
        (LIFE + "test_sweeper_feeds_each_lane_that_is_empty",),
    ),
    Mutation(
        "M73",
        "Who opens an old document is told a place before those who have waited longer",
        (Edit(SUMMARY, "or_(is_cut, is_last)", "is_cut"),),
        (QUEUE + "test_page_tells_its_place_in_the_queue_and_each_step_on",),
    ),
    Mutation(
        "M74",
        "A click adds to what waits, however much that is",
        (Edit("webapp/views/summaries.py", "    admit(document, ask)\n", ""),),
        (QUEUE + "test_click_when_too_many_wait_is_asked_to_come_again_and_sees_what_is_there",),
    ),
)
