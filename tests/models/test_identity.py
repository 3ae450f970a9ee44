"""What answers are kept under tells models apart that give other numbers."""

import json
import shutil
from pathlib import Path

from bsct_zoo.models.identity import checkpoint_sha256, identity
from bsct_zoo.models.naming import named_model, parse_model


def test_the_same_weights_in_another_design_are_another_model(tmp_path):
    shipped = Path(str(named_model("transformer").card.checkpoint))
    for name, k in (("soft", 16), ("hard", 6)):
        shutil.copy(shipped, tmp_path / f"{name}.safetensors")
        facts = json.loads(shipped.with_suffix(".json").read_text())
        facts["config"] |= {"graph": f"{name}_knn", "k": k}
        facts.pop("seal", None)
        (tmp_path / f"{name}.json").write_text(json.dumps(facts))
    soft, hard = (parse_model(f"transformer:{tmp_path / name}.safetensors") for name in ("soft", "hard"))
    assert checkpoint_sha256(soft) == checkpoint_sha256(hard)
    keys = [identity(spec, checkpoint_sha256(spec), "cpu", "float64", {}) for spec in (soft, hard)]
    assert None not in keys
    assert keys[0]["design"] != keys[1]["design"]


def test_the_words_of_a_card_decide_no_number(tmp_path):
    shipped = Path(str(named_model("transformer").card.checkpoint))
    keys = []
    for name, licence in (("own", "not stated"), ("shared", "CC0-1.0")):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "mine.safetensors"
        shutil.copy(shipped, path)
        facts = json.loads(shipped.with_suffix(".json").read_text())
        facts["card"] |= {"licence": licence}
        facts.pop("seal", None)
        path.with_suffix(".json").write_text(json.dumps(facts))
        spec = parse_model(f"transformer:{path}")
        assert spec.card.licence == licence
        keys.append(identity(spec, checkpoint_sha256(spec), "cpu", "float64", {}))
    assert keys[0] is not None
    assert keys[0] == keys[1]
