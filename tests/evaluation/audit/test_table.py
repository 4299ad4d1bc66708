"""The table: embeddings carry what a row says, and the strongest detector is not chosen by what it is tested on."""

import pytest
from conftest import scene

from isgan.datasets.photographs import Photo
from isgan.evaluation.audit.bench import MEASURES, Plan
from isgan.evaluation.audit.subjects import OVERHEAD, ROOT_BITS, Load, Parts, Sizes, embedding
from isgan.evaluation.audit.table import Comparison, Entry
from isgan.evaluation.results import Results
from isgan.evaluation.stegos import cover_of
from isgan.schemes.embedding import Embedding

DEFAULT = Parts("hill", "cmdc")


def test_an_embedding_carries_its_load(tmp_path, monkeypatch):
    photo, hide, sent = Photo("a.png", scene(128, 128)), Embedding.hide, []
    monkeypatch.setattr(Embedding, "hide", lambda self, *args: sent.append(hide(self, *args)) or sent[-1])
    embedding(DEFAULT, Load(60.0, ROOT_BITS), "png", Sizes(Results(tmp_path))).hide(photo, photo, 0)
    cover = cover_of(photo)
    assert sent[0].facts["rate"] * cover.samples == pytest.approx(60 * cover.weight**0.5, abs=16)


def test_the_strongest_is_chosen_by_validation(material, tmp_path, monkeypatch):
    image = {"short": "0", "stego_psnr": "50", "stego_ssim": "1", "secret_psnr": "", "bytes": "100", "changed": "0.1", "weight": "10000"}
    monkeypatch.setattr(Comparison, "images", lambda *_: [image] * 3)
    made = Comparison(Results(tmp_path), material, [], Plan())
    entry = Entry(str(DEFAULT), "some", DEFAULT, Load(1, ROOT_BITS))
    one = {"train_pairs": 16, "val_pairs": 4, "steps": 0, "device": "the CPU"}
    one |= {name: 0.5 for measure in MEASURES for name in (measure, f"{measure}_interval")}
    tried = [one | {"detector": name, "val_p_e": chosen_by, "p_e": tested}
             for name, chosen_by, tested in (("lucky", 0.4, 0.1), ("strong", 0.3, 0.2), ("weak", 0.5, 0.5))]  # fmt: skip
    row = made._row(entry, made.bench(entry), tried)
    assert (row["strongest"], row["p_e"], row["p_e_lucky"], row["leaked"]) == ("strong", 0.2, 0.1, 20)
    assert row["root_bits"] == pytest.approx(8 * (100 + OVERHEAD) / 100)
