"""The eighteen bugs of the usual recipe for background summaries, B1 to B18, put back into our code."""

from tests.mutations.mutation import ACCESS, AREA, CLIENT, HOUSE, KEYS, LIFE, PAGES, Edit, Mutation

SUMMARY = "webapp/models/summary.py"
FINISHING = "webapp/models/finishing.py"
CRASHING = "webapp/models/crashing.py"
DOCUMENT = "webapp/models/document.py"
SHOWN = "webapp/models/area.py"
VIEW = "webapp/views/summaries.py"
AUDIENCES = "webapp/views/audiences.py"
ACTOR = "tasks/summaries.py"
SWEEPER = "tasks/upkeep.py"
EVENTS = "webapp/events.py"
RECIPE = "webapp/summarizing/engine.py"
OPENAI = "webapp/summarizing/openai_engine.py"

KEY = '    return f"summary/{CACHE_VERSION}/{document_id}/{content_hash}/{recipe_hash}"\n'
STAMP = """    stamp = db.session.scalar(select(_documents.c.updated_at).where(_documents.c.id == document_id)) or 0
"""
# The page asks whether what the cache holds is the current row's; without that, the old mistakes are made again.
BELIEVES_THE_CACHE = Edit(SHOWN, 'ready if ready and ready["id"] == current_id else None', "ready")
KNOWS_UPDATED_AT = Edit(
    SUMMARY, '"content_hash", "summary_id", "summary', '"content_hash", "updated_at", "summary_id", "summary'
)
STATUS_TOUCHES = Edit(
    SUMMARY,
    '.values(summary_status=bindparam("status"))',
    '.values(summary_status=bindparam("status"), updated_at=now())',
)

USUAL = (
    Mutation(
        "B1a",
        "A job that fails ends as if it had succeeded: no next try is planned",
        (
            Edit(
                ACTOR,
                '        log.info("Summary %s: %s", summary_id, failure)\n'
                "        insist(claim, partial(Summary.fail, claim, failure))\n",
                '        log.info("Summary %s: %s", summary_id, failure)\n',
            ),
        ),
        (LIFE + "test_transient_failures_are_tried_again_until_it_works",),
    ),
    Mutation(
        "B1b",
        "The first error is final",
        (Edit(SUMMARY, "failure.kind is FailureKind.PERMANENT\n", "failure.kind not in REFUNDED\n"),),
        (LIFE + "test_transient_failures_are_tried_again_until_it_works",),
    ),
    Mutation(
        "B1c",
        "An error of our own is rescued, and nobody sees it",
        (Edit(ACTOR, "Summary.fail, claim, ours))\n        raise\n", "Summary.fail, claim, ours))\n"),),
        (LIFE + "test_bug_of_ours_is_a_failed_try_and_not_a_stuck_row",),
    ),
    Mutation(
        "B2a",
        "The key is made from `updated_at`, which every write of a status changes",
        (
            KNOWS_UPDATED_AT,
            STATUS_TOUCHES,
            Edit(SUMMARY, KEY, STAMP + '    return f"summary/{CACHE_VERSION}/{document_id}/{stamp}"\n'),
        ),
        (LIFE + "test_no_write_of_a_status_changes_the_key",),
    ),
    Mutation(
        "B2b",
        "A write of a status counts as an edit of the document",
        (KNOWS_UPDATED_AT, STATUS_TOUCHES),
        (LIFE + "test_status_write_is_no_edit",),
    ),
    Mutation(
        "B3a",
        "The key is made from a time in whole seconds: two edits in one second share it",
        (
            KNOWS_UPDATED_AT,
            BELIEVES_THE_CACHE,
            Edit(SUMMARY, KEY, STAMP + '    return f"summary/{CACHE_VERSION}/{document_id}/{int(stamp)}"\n'),
        ),
        (LIFE + "test_texts_of_one_second_never_show_each_others_summary",),
    ),
    Mutation(
        "B3b",
        "The content hash looks at the beginning of the text only, so two texts share a key",
        (Edit(DOCUMENT, 'normalize("NFC", text).strip()', 'normalize("NFC", text[:10_000]).strip()'),),
        (KEYS + "test_different_texts_have_different_keys",),
    ),
    Mutation(
        "B4a",
        "No single flight: each first reader looks, finds nothing and asks for a summary of its own",
        (
            Edit(
                DOCUMENT,
                '        document = db.session.scalar(_held(), {"wanted": self.id})\n        if document is None:\n',
                "        document = db.session.merge(self, load=False)\n        if document is None:\n",
            ),
        ),
        (LIFE + "test_simultaneous_first_views_ask_once",),
    ),
    Mutation(
        "B4b",
        "Each reader who misses the cache has the summary made again",
        (
            Edit(
                SHOWN,
                "    return summary.fill_cache() if summary.answers(ask) else None\n",
                "    document.summarize_later(again=True)\n    return None\n",
            ),
        ),
        (LIFE + "test_simultaneous_views_of_an_emptied_cache_call_nobody",),
    ),
    Mutation(
        "B5a",
        "Only the success is told: not the failure, and not that there will be another try",
        (
            Edit(
                ACTOR,
                "    finally:\n        tell(claim.document_id, ended=pen)\n",
                "    else:\n        tell(claim.document_id, ended=pen)\n",
            ),
        ),
        (LIFE + "test_each_change_of_status_is_told_once_it_can_be_read",),
    ),
    Mutation(
        "B5b",
        "That the writing has begun is not told",
        (
            Edit(
                ACTOR,
                "                tell(claim.document_id)\n            if batch.finished",
                "                pass\n            if batch.finished",
            ),
        ),
        (LIFE + "test_each_change_of_status_is_told_once_it_can_be_read",),
    ),
    Mutation(
        "B6a",
        "A listener that comes after the event gets nothing: the state is not sent first",
        (
            Edit(
                AUDIENCES,
                "        told = [each for each in newcomers if each.last_event_id != seen]\n",
                "        told: list[Seat] = []\n",
            ),
        ),
        (
            AREA + "test_stream_of_a_finished_summary_sends_it_and_ends",
            AREA + "test_listener_before_at_and_after_the_end_all_get_it",
        ),
    ),
    Mutation(
        "B6b",
        "The state is read before the listening begins, so what happens between the two is lost",
        (
            Edit(
                AUDIENCES,
                "        with hub().listen(",
                "        self._stream.read(time.monotonic())\n        with hub().listen(",
            ),
            Edit(
                AUDIENCES,
                "is_news = self._stream.read(time.monotonic())",
                "is_news = self._stream.read(0.0)",
            ),
        ),
        (AREA + "test_state_is_read_once_the_listening_has_begun",),
    ),
    Mutation(
        "B7a",
        "On save, one request warms the cache and another one generates: two calls",
        (
            Edit(
                DOCUMENT,
                "        return None if known or not self.is_warmed else self._ask(Lane.WARM, wait_seconds)\n",
                "        if known or not self.is_warmed:\n"
                "            return None\n"
                "        asked = self._ask(Lane.INTERACTIVE, wait_seconds)\n"
                "        Summary.ask(self.id, self.version, self.content_hash, Lane.WARM, wait_seconds)\n"
                "        return asked\n",
            ),
        ),
        (LIFE + "test_saved_document_has_its_summary_when_it_is_opened",),
    ),
    Mutation(
        "B7b",
        "The first reader asks for another summary while the warmed one is being written",
        (
            Edit(
                DOCUMENT,
                "(summary.is_final and again)\n",
                "summary.is_running\n                or (summary.is_final and again)\n",
            ),
        ),
        (LIFE + "test_view_while_a_summary_is_written_asks_for_no_other",),
    ),
    Mutation(
        "B8a",
        "The cache is filled inside the guarded block: if that fails, the finished summary has failed",
        (
            Edit(
                SUMMARY,
                "        if summary is not None:\n            summary.fill_cache()",
                "            if summary is not None:\n                summary.fill_cache()",
            ),
            Edit(
                SUMMARY,
                '            current_app.logger.warning("The cache was not filled: %s", error)\n',
                '            raise RuntimeError("The cache was not filled.") from error\n',
            ),
        ),
        (LIFE + "test_failure_to_publish_or_to_cache_leaves_the_summary_complete",),
    ),
    Mutation(
        "B8b",
        "The success is told inside the guarded block: if that fails, the finished summary has failed",
        (
            Edit(
                ACTOR,
                "    try:\n        _write(claim, pen)\n",
                "    try:\n        _write(claim, pen)\n        events.redis().publish(events.CHANNEL, str(summary_id))\n",
            ),
            Edit(
                ACTOR,
                "from webapp import create_app, hints\n",
                "from webapp import create_app, events, hints\n",
            ),
        ),
        (LIFE + "test_failure_to_publish_or_to_cache_leaves_the_summary_complete",),
    ),
    Mutation(
        "B9a",
        "Nobody sweeps: a row whose worker was killed says that it is being written, for ever",
        (Edit(SWEEPER, "in Summary.expire_leases():\n", "in list[int]():\n"),),
        (
            LIFE + "test_crashed_worker_is_found_and_its_summary_made",
            LIFE + "test_poisonous_document_fails_after_three_crashes",
        ),
    ),
    Mutation(
        "B9b",
        "A claim has no lease, so that nobody can tell when its worker is dead",
        (
            Edit(
                SUMMARY,
                '                lease_until=now() + bindparam("lease", type_=Double()),\n',
                "                    lease_until=None,\n",
            ),
        ),
        (LIFE + "test_crashed_worker_is_found_and_its_summary_made",),
    ),
    Mutation(
        "B10a",
        "No claim: whoever gets the message writes, so two deliveries are two bills",
        (
            Edit(
                SUMMARY,
                "                *cls._is_due(),\n                cls.attempts <",
                '                or_(*(cls.status == each for each in LIVE)), bindparam("due_recipe") == bindparam("due_recipe"),\n'
                '                bindparam("due_engine") != "", bindparam("share") > 0,\n'
                "                cls.attempts <",
            ),
        ),
        (LIFE + "test_every_hint_of_a_summary_together_makes_one_call",),
    ),
    Mutation(
        "B10b",
        "No fence: a worker that slept over its lease writes into another one's run",
        (
            Edit(
                SUMMARY,
                "cls.id == claim.summary_id, cls.fence == claim.fence, ",
                "cls.id == claim.summary_id, ",
            ),
            Edit(FINISHING, '            Summary.fence == bindparam("claimed_fence"),\n', ""),
        ),
        (LIFE + "test_worker_that_wakes_while_another_writes_changes_nothing",),
    ),
    Mutation(
        "B10c",
        "An edit leaves the run on the old text its claim: late, it is shown as the summary of the new one",
        (
            Edit(
                DOCUMENT,
                "        Summary.supersede(self.id)\n        known = ",
                "        known = ",
            ),
            Edit(
                DOCUMENT,
                "        Summary.supersede(self.id, is_replaced)\n        summary = ",
                "        summary = ",
            ),
        ),
        (
            LIFE + "test_edit_during_generation_fences_the_old_run_off",
            LIFE + "test_run_on_an_old_text_is_stopped_early",
        ),
    ),
    Mutation(
        "B11a",
        "The message is sent before the commit: the worker finds no row",
        (
            Edit(
                DOCUMENT,
                "receipt=receipt)\n        except IntegrityError:\n",
                "receipt=receipt)\n                document.announce(summary, text, format)\n        except IntegrityError:\n",
            ),
            Edit(
                DOCUMENT,
                "            raise\n        document.announce(summary, text, format)\n",
                "            raise\n",
            ),
            Edit(
                "webapp/application.py",
                "make_broker(url, is_writing=is_writing, away=away)",
                "make_broker(url, away=away)",
            ),
        ),
        (
            LIFE + "test_hint_is_sent_after_the_commit",
            LIFE + "test_each_change_of_status_is_told_once_it_can_be_read",
        ),
    ),
    Mutation(
        "B11b",
        "Nothing keeps a message from being sent inside a transaction",
        (
            Edit(
                "webapp/application.py",
                "make_broker(url, is_writing=is_writing, away=away)",
                "make_broker(url, away=away)",
            ),
        ),
        (LIFE + "test_hint_inside_a_transaction_is_refused",),
    ),
    Mutation(
        "B12a",
        "The cache is a truth of its own: what has left it is not read from SQL",
        (
            Edit(
                SHOWN,
                "    return summary.fill_cache() if summary.answers(ask) else None\n",
                "    return None\n",
            ),
        ),
        (LIFE + "test_empty_cache_is_refilled_from_sql_without_a_call",),
    ),
    Mutation(
        "B12b",
        "The cache is asked before SQL: it says `complete` while another summary is being written",
        (
            Edit(
                SHOWN,
                "    if status == Status.COMPLETE:\n",
                "    if status:\n",
            ),
            BELIEVES_THE_CACHE,
        ),
        (LIFE + "test_regenerate_makes_a_new_text_and_keeps_the_old_one_meanwhile",),
    ),
    Mutation(
        "B12c",
        "A new model or prompt leaves the stored summary as it is, while the cache forgets it",
        (
            Edit(
                SUMMARY,
                "        return self.recipe_hash == recipe_for(ask).hash\n",
                "        return bool(self.recipe_hash)\n",
            ),
        ),
        (LIFE + "test_another_model_makes_a_new_summary_and_shows_the_old_one_meanwhile",),
    ),
    Mutation(
        "B13a",
        "The key lacks the recipe: another model's summary is served as this one's",
        (Edit(SUMMARY, KEY, KEY.replace("/{recipe_hash}", "")),),
        (
            KEYS + "test_every_part_of_the_recipe_is_in_the_key",
            LIFE + "test_another_model_makes_a_new_summary_and_shows_the_old_one_meanwhile",
        ),
    ),
    Mutation(
        "B13b",
        "The recipe is one constant: its hash knows the prompt's version and nothing else",
        (
            Edit(
                RECIPE,
                "json.dumps(told, sort_keys=True)",
                "json.dumps(told['prompt_version'])",
            ),
        ),
        (
            KEYS + "test_every_part_of_the_recipe_is_in_the_key",
            LIFE + "test_each_part_of_the_recipe_is_in_the_key",
        ),
    ),
    Mutation(
        "B14a",
        "The cached summary outlives its document",
        (
            Edit(
                DOCUMENT,
                "        Summary.forget(cache_key(self.id, each.content_hash, each.recipe_hash) for each in summaries)\n",
                "",
            ),
        ),
        (PAGES + "test_deleting_asks_first_and_leaves_nothing",),
    ),
    Mutation(
        "B14b",
        "The summary is read past the member, and from the cache before anybody is asked",
        (
            Edit(
                VIEW,
                "from webapp.extensions import current_settings\n",
                "from webapp.extensions import current_settings, db\n",
            ),
            Edit(
                VIEW,
                "    document = current_member.documents.get_or_404(document_id)\n    area = look(",
                "    document = db.session.get(Document, document_id) or abort(404)\n    area = look(",
            ),
        ),
        (ACCESS + "test_what_a_member_may_not_see_is_not_there_though_the_cache_holds_it",),
    ),
    Mutation(
        "B14c",
        "The summary is served without a sign-in",
        (
            Edit(
                VIEW,
                "from webapp.extensions import current_settings\n",
                "from webapp.extensions import current_settings, db\n",
            ),
            Edit(
                VIEW,
                '@blueprint.get("")\ndef show(document_id: int) -> str | tuple[str, int]:\n'
                "    document = current_member.documents.get_or_404(document_id)\n",
                '@blueprint.get("")\n@public\ndef show(document_id: int) -> str | tuple[str, int]:\n'
                "    document = db.session.get(Document, document_id) or abort(404)\n",
            ),
            Edit(VIEW, "import current_member\n", "import current_member, public\n"),
        ),
        (
            ACCESS + "test_outsider_is_sent_to_sign_in_from_every_page",
            ACCESS + "test_fragment_of_an_ended_sign_in_makes_the_browser_sign_in",
        ),
    ),
    Mutation(
        "B15a",
        "A click generates at once, in the web process",
        (
            Edit(
                VIEW,
                "        return come_again(document, ask, error)\n    if not",
                "        return come_again(document, ask, error)\n"
                "    from tasks.summaries import generate_now\n\n"
                "    generate_now(current_member.documents.get_or_404(document_id).summary_id or 0)\n    if not",
            ),
        ),
        (
            HOUSE + "test_no_view_and_no_model_can_reach_the_model_client",
            AREA + "test_post_answers_202_with_the_area_or_leads_to_the_page",
        ),
    ),
    Mutation(
        "B15b",
        "A model imports the client of the model server, and so every web process loads it",
        (
            Edit(
                SUMMARY,
                "from webapp.summarizing.rendering import summary_html\n",
                "from webapp.summarizing.openai_engine import OpenAIEngine as OpenAIEngine\n"
                "from webapp.summarizing.rendering import summary_html\n",
            ),
        ),
        (
            HOUSE + "test_no_view_and_no_model_can_reach_the_model_client",
            HOUSE + "test_web_process_starts_and_answers_without_the_model_client",
        ),
    ),
    Mutation(
        "B16a",
        "A message about a deleted document is an error, which is tried again",
        (
            Edit(
                SUMMARY,
                "            taken = cls._take(summary_id)\n            if",
                "            db.session.get_one(cls, summary_id)\n"
                "            taken = cls._take(summary_id)\n            if",
            ),
        ),
        (LIFE + "test_document_deleted_before_its_hint_comes_is_no_error",),
    ),
    Mutation(
        "B16b",
        "A document that is deleted during its call is an error",
        (
            Edit(
                SUMMARY,
                "            summary = db.session.get(cls, claim.summary_id, populate_existing=True)\n"
                "            if summary is None:\n"
                "                return False\n",
                "            summary = db.session.get_one(cls, claim.summary_id, populate_existing=True)\n",
            ),
        ),
        (LIFE + "test_document_deleted_while_it_is_read_is_no_error",),
    ),
    Mutation(
        "B17a",
        "The reason of a failure is lost",
        (
            Edit(
                SUMMARY,
                "claim, error_code=failure.code, error_detail=failure.detail or None, **values",
                "claim, **values",
            ),
        ),
        (
            LIFE + "test_between_tries_the_page_says_why_and_when",
            LIFE + "test_each_outcome_has_its_class",
            AREA + "test_failure_says_why_and_offers_a_button",
        ),
    ),
    Mutation(
        "B17b",
        "The time of the next try is not the one that the server asked for",
        (Edit(SUMMARY, "        return max(asked or 0.0, random", "        return max(0.0, random"),),
        (LIFE + "test_between_tries_the_page_says_why_and_when",),
    ),
    Mutation(
        "B18a",
        "The client library tries again by itself: each of our tries is three calls",
        (Edit(OPENAI, "            max_retries=0,\n", ""),),
        (CLIENT + "test_refusal_is_classified_after_one_call",),
    ),
    Mutation(
        "B18b",
        "A permanent error is tried as often as a passing one",
        (
            Edit(
                SUMMARY,
                "            failure.kind is FailureKind.PERMANENT\n            or self",
                "            self",
            ),
        ),
        (LIFE + "test_each_outcome_has_its_class",),
    ),
)
