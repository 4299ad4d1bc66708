"""Sentences say what the figures are, and never more than they allow."""

import pytest

from isgan.evaluation.audit.words import number, sentences


def row(level: str, subject: str, p_e: float, width: float = 0.03, **others: object) -> dict[str, object]:
    return {"kind": "png", "level": level, "subject": subject, "trained_on": subject, "leaked": "0", "source": "", "detector": "crm",
            "p_e": str(p_e), "p_e_interval": str(width), "auc": "0.51", "auc_interval": "0.02", "train_pairs": "192"} | others  # fmt: skip


def told(statistic: str, auc: float, width: float = 0.05) -> dict[str, object]:
    return {"kind": "png", "subject": "mine", "statistic": statistic, "auc": str(auc), "auc_interval": str(width)}


@pytest.mark.parametrize(("p_e", "words"), [
    (0.48, "errs in 48 of 100 decisions, P_E .48 ± .03; which cannot be told from guessing."),
    (0.4, "errs in 40 of 100 decisions, P_E .40 ± .03; 50 would be guessing."),
    (0.004, "finds it: P_E .00 ± .03, 0 of 100 decisions are wrong."),
])  # fmt: skip
def test_the_headline(p_e, words):
    (said,) = sentences([row("S3", "mine", p_e)], [])
    assert said == f"mine on png covers: whoever trains crm on 192 pairs of its own files {words}"


def test_an_area_that_says_more_than_p_e_is_heard():
    (said,) = sentences([row("S3", "mine", 0.48, auc="0.56", auc_interval="0.02")], [])
    assert said.endswith("errs in 48 of 100 decisions, P_E .48 ± .03; 50 would be guessing.")


def test_a_control_that_fails_is_said_first():
    table = [row("positive control", "lsb-matching", 0.4), row("null test", "cover", 0.3), row("S3", "mine", 0.2)]
    weak, broken, _ = sentences(table, [])
    assert "the detectors are weak here" in weak and "believe no figure of this kind of covers" in broken
    nearly = sentences([row("null test", "cover", 0.46)], [])[0]
    assert "believe no figure" in nearly  # .5 lies outside of .46 ± .03
    good, sound, _ = sentences([row("positive control", "lsb-matching", 0.1), row("null test", "cover", 0.47), row("S3", "mine", 0.2)], [])
    assert "so the detectors work" in good and "as it must" in sound


def test_the_curve_and_the_other_attackers():
    table = [row("S3", "mine", 0.3), row("S3", "mine", 0.45, leaked="30"), row("S3", "mine", 0.48, leaked="10"),
             row("S0", "mine", 0.5, detector="ws"),
             row("S2", "mine", 0.35, trained_on="theirs"), row("S5", "mine", 0.4, source="voc"), row("S3", "other", 0.1)]  # fmt: skip
    said = sentences(table, [])
    assert "mine on png covers, by how many pairs have leaked: P_E .48 with 10, .45 with 30." in said
    assert "mine on png covers, attacks that need no training: P_E .50 ± .03 (ws)." in said
    assert "mine on png covers, a detector trained on theirs (S2): P_E .35 ± .03 (crm)." in said
    assert "mine on png covers, a detector from other sources tested on voc: P_E .40 ± .03 (crm)." in said
    assert said[-1].startswith("other on png covers") and len(said) == 6


def test_a_transfer_is_said_beside_what_its_detector_sees_of_its_own_model():
    table = [row("S1", "mine", 0.5, trained_on="basic"), row("S1", "basic", 0.1), row("S1", "basic-2", 0.2, trained_on="basic")]
    said = ("mine on png covers, a detector trained on basic (S1): P_E .50 ± .03 (crm); of basic itself .10 ± .03, "
            "of the same network from another seed .20 ± .03.")  # fmt: skip
    assert said in sentences(table, []) and said in sentences([row("S3", "mine", 0.3), *table], [])


def test_what_the_tool_tells():
    assert "says the same of covers and stego images" in sentences([], [told("something opens, no pass phrase", 0.5)])[0]
    (said,) = sentences([], [told("something opens, no pass phrase", 0.5), told("seconds to answer, no pass phrase", 0.7)])
    assert said.endswith("isgan tells something: seconds to answer, no pass phrase: AUC .70 ± .05.")
    six = [told(f"statistic {number}", 0.5) for number in range(5)]
    assert "says the same" in sentences([], [*six, told("seconds to answer", 0.56)])[0]  # one of six, a little outside of its own interval
    assert "tells something" in sentences([], [*six, told("seconds to answer", 0.57)])[0]
    (said,) = sentences([], [told("what it reveals is a picture", 1.0, 0.0)])
    assert said.startswith("mine has no key") and "AUC 1.00 ± .00" in said


def test_numbers():
    assert number(0.05) == ".05" and number(1.0, 0.0) == "1.00 ± .00" and number(0.999) == "1.00" and number(0.5, 0.041) == ".50 ± .04"
