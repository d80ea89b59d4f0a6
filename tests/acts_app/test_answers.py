"""The shapes of answers."""

from acts_app import answers


def test_text_goes_out_as_it_is() -> None:
    assert answers.answer({"木": [1, "é"]}).get_data(as_text=True) == '{"木":[1,"é"]}'


def test_a_number_keeps_all_its_digits() -> None:
    assert answers.number("9" * 5000).get_data(as_text=True) == "[" + "9" * 5000 + "]"


def test_an_error_is_one_sentence_with_its_headers() -> None:
    refusal = answers.error(503, "Later.", {"Retry-After": "1"})
    assert (refusal.status_code, refusal.json, refusal.headers["Retry-After"]) == (503, {"error": "Later."}, "1")


def test_nothing_has_no_body_and_done_has_an_empty_object() -> None:
    assert (answers.nothing().status_code, answers.nothing().data, answers.done(201).json) == (204, b"", {})


def test_pieces_are_sent_one_by_one() -> None:
    assert b"".join(answers.pieces([b"[", b"]"]).response) == b"[]"
