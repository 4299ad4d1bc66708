"""Which tests an attacker of each level makes."""

from dataclasses import replace

from isgan.evaluation.audit import levels


def test_covers_against_other_covers_each_once(material):
    names = [photo.name for pair in levels.null_material(material).pairs for photo in pair]
    assert sorted(names) == sorted(cover.name for cover, _ in material.pairs)


def test_each_source_with_enough_pairs_is_tested_by_what_was_learned_elsewhere(material):
    double = replace(material, pairs=[*material.pairs] * 2, sources=["a", "b"] * 30)
    assert [test.source for test in levels.tests("S5", "mine", double, {}, [])] == ["a", "b"]
    assert not levels.tests("S5", "mine", material, {}, [])
