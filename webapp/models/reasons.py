"""Why there is no summary yet, in words that people understand and that say who can do what."""

REASONS = {
    "unreachable": "The model server does not answer. It may be asleep or switched off.",
    "rate_limited": "The model server asks us to wait before the next summary.",
    "quota": "The account at the model server is used up. An admin must add credit there.",
    "key_rejected": "The model server does not accept our key. An admin must set OPENAI_API_KEY and start Precis again.",
    "model_not_found": "The model server does not know the model. An admin must check PRECIS_MODEL and OPENAI_BASE_URL.",
    "server_error": "The model server had an error of its own.",
    "cut": "The model server's answer broke off before its end.",
    "malformed": "The model server sent something that is no answer.",
    "silent_start": "The model server took the question and then sent no first word in time.",
    "silent": "The model server fell silent in the middle of its answer.",
    "too_slow": "The model server took longer than a summary may take.",
    "too_long": "Even a short part of the text is more than the model can read at once. An admin must give it a larger context.",
    "input_cut": "The model server read only a part of what it was sent. An admin must give the model a larger context.",
    "bad_request": "The model server refused the question as it was put.",
    "refused": "The model refused to summarise this text.",
    "length": "The model's answer was longer than the model server lets it be.",
    "empty": "The model answered with nothing.",
    "only_thought": "The model thought, and then wrote no answer.",
    "unusable": "The model's answer was not a summary.",
    "wrong_language": "The model answered in another language than the one asked for.",
    "no_sentences": "There are no sentences in this text to select from.",
    "crashed_worker": "The worker stopped in the middle of this summary.",
    "internal_error": "Something went wrong on our side. The log has the details.",
    "no_worker": "No worker is running, so nothing is written at the moment. It goes on by itself once one is.",
}


def reason(code: str | None) -> str:
    """The sentence for a code; one that fits everything for a code that is not known."""
    return REASONS.get(code or "", "The summary could not be made.")
