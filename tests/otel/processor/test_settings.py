# SPDX-License-Identifier: Apache-2.0
"""Settings: where they come from, which wins, and what is said of those that cannot be used."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from spancost import LLMCostProcessor
from spancost.config.settings import Arguments, Settings, SettingsError, load, warn_of_former_name


def test_arguments_win_over_the_environment_which_wins_over_the_file(tmp_path: Path) -> None:
    """Three places, one order."""
    path = tmp_path / "spancost.json"
    path.write_text(json.dumps({"strategy": "wrap", "rollup": False, "max_open_parents": 5}))
    environ = {"SPANCOST_CONFIG_FILE": str(path), "SPANCOST_STRATEGY": "hook", "SPANCOST_MAX_OPEN_PARENTS": "6"}
    found = load({"max_open_parents": 7}, environ)
    assert (found.strategy, found.rollup, found.max_open_parents) == ("hook", False, 7)


def test_nothing_written_means_the_defaults() -> None:
    """Empty variables count as unset."""
    assert load({}, {"SPANCOST_STRATEGY": "", "OTHER": "1"}) == Settings()


def test_lists_are_separated_by_commas_in_the_environment() -> None:
    """White space around a value does not matter."""
    assert load({}, {"SPANCOST_REQUIRED_TAGS": "team, feature,"}).required_tags == ("team", "feature")


def test_a_toml_file_is_read_where_python_reads_toml(tmp_path: Path) -> None:
    """From Python 3.11; before, the message says so."""
    path = tmp_path / "spancost.toml"
    path.write_text('strategy = "wrap"\nrequired_tags = ["team"]\n')
    environ = {"SPANCOST_CONFIG_FILE": str(path)}
    if sys.version_info >= (3, 11):
        assert load({}, environ, strict=True) == Settings(strategy="wrap", required_tags=("team",))
    else:
        with pytest.raises(SettingsError, match="expected JSON"):
            load({}, environ, strict=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"strategy": "hok"}, ["strategy", "'hok'", "'hook'"]),
        ({"strategi": "hook"}, ["strategi", "unknown setting", "strategy"]),
        ({"rollup": "perhaps"}, ["rollup", "'perhaps'", "boolean"]),
        ({"max_open_parents": 0}, ["max_open_parents", "0", "from 1 to"]),
        ({"required_tags": ["tem"]}, ["required_tags", "tem", "team"]),
    ],
)
def test_a_wrong_argument_is_refused_by_name(arguments: dict[str, object], words: list[str]) -> None:
    """The message names the key, what was found and what was expected."""
    with pytest.raises(SettingsError) as caught:
        load(arguments, {})
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_wrong_value_in_an_object_is_refused_like_an_argument() -> None:
    """A settings object is checked where it is made, and takes what an argument takes."""
    with pytest.raises(SettingsError, match=r"strategy: found 'hok'"):
        Settings(strategy="hok")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"max_open_parents: found 0; expected a number from 1"):
        Settings(max_open_parents=0)
    with pytest.raises(SettingsError, match=r"capture_providers: found 'llm.internal'; expected parts"):
        Settings(capture_providers=("llm.internal",))
    made = Settings(card=Path("card.jsonl"), required_tags=["team"])  # type: ignore[arg-type]
    assert (made.card, made.required_tags) == ("card.jsonl", ("team",))


def test_arguments_win_over_an_object_and_leave_the_rest_of_it() -> None:
    """The object takes the place of the environment and the file."""
    given = Settings(keep_provider=True, max_open_parents=7)
    found = LLMCostProcessor(given, rollup=False).settings
    assert (found.keep_provider, found.max_open_parents, found.rollup) == (True, 7, False)
    assert LLMCostProcessor(given, max_open_parents=8).settings == Settings(keep_provider=True, max_open_parents=8)
    with pytest.raises(SettingsError, match="strategy"):
        LLMCostProcessor(given, strategy="hok")  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", [".yaml", ".yml"])
def test_a_yaml_file_is_read(suffix: str, tmp_path: Path) -> None:
    """With the package that reads contracts."""
    path = tmp_path / f"spancost{suffix}"
    path.write_text("# ours\nstrategy: wrap\nrequired_tags: [team]\n")
    expected = Settings(strategy="wrap", required_tags=("team",))
    assert load({}, {"SPANCOST_CONFIG_FILE": str(path)}, strict=True) == expected
    path.write_text("strategy: [")
    with pytest.raises(SettingsError, match="no valid YAML"):
        load({}, {"SPANCOST_CONFIG_FILE": str(path)}, strict=True)


def test_a_yaml_file_without_a_reader_says_which_formats_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And which package reads YAML."""
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    path = tmp_path / "spancost.yaml"
    path.write_text("strategy: wrap\n")
    with pytest.raises(SettingsError, match=r"found YAML; expected JSON, TOML, or the package ruamel.yaml"):
        load({}, {"SPANCOST_CONFIG_FILE": str(path)}, strict=True)


def test_a_former_name_still_works_and_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of both names, the present one wins."""
    warn_of_former_name.cache_clear()
    environ = {"SPANCOST_CAPTURE_SELLERS": "llm.internal=vllm"}
    for _ in range(3):
        assert load({}, environ).capture_providers == ("llm.internal=vllm",)
    assert caplog.text.count("SPANCOST_CAPTURE_SELLERS is now called SPANCOST_CAPTURE_PROVIDERS") == 1
    assert load({}, {**environ, "SPANCOST_CAPTURE_PROVIDERS": "a=b"}).capture_providers == ("a=b",)
    path = tmp_path / "settings.json"
    path.write_text('{"capture_sellers": ["c=d"]}')
    assert load({}, {"SPANCOST_CONFIG_FILE": str(path)}).capture_providers == ("c=d",)


def test_a_wrong_variable_is_told_and_left_at_its_default(caplog: pytest.LogCaptureFixture) -> None:
    """A deployment's mistake does not stop the host, and does not touch the other variables."""
    with caplog.at_level(logging.ERROR, "spancost"):
        found = load({}, {"SPANCOST_STRATEGY": "hok", "SPANCOST_ROLLUP": "false", "SPANCOST_ROLUP": "1"})
    assert (found.strategy, found.rollup) == ("auto", False)
    assert "SPANCOST_STRATEGY: found 'hok'" in caplog.text
    assert "SPANCOST_ROLUP: found an unknown setting" in caplog.text


@pytest.mark.parametrize(
    "content", [None, b"{", b"[1]", b"\xff\xfe", b'{"strategy": 3}', b'{"zap": 1}', b"[" * 100_000]
)
def test_a_broken_file_is_told_by_its_name_and_left_out(
    content: bytes | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Missing, no JSON, no object, no text, wrong type, unknown key."""
    path = tmp_path / "settings.json"
    if content is not None:
        path.write_bytes(content)
    with caplog.at_level(logging.ERROR, "spancost"):
        assert load({}, {"SPANCOST_CONFIG_FILE": str(path)}) == Settings()
    assert "settings.json" in caplog.text
    with pytest.raises(SettingsError, match=r"settings\.json"):
        load({}, {"SPANCOST_CONFIG_FILE": str(path)}, strict=True)


def test_a_mark_before_the_text_is_no_fault(tmp_path: Path) -> None:
    """Editors on Windows put one before UTF-8."""
    path = tmp_path / "settings.json"
    path.write_bytes(b'\xef\xbb\xbf{"enabled": false}')
    assert not load({}, {"SPANCOST_CONFIG_FILE": str(path)}, strict=True).enabled


def test_every_setting_is_an_argument() -> None:
    """What an editor offers is what there is; a path does for a card."""
    assert list(Arguments.__annotations__) == [field.name for field in fields(Settings)]
    assert load({"card": Path("card.jsonl")}, {}).card == "card.jsonl"


def test_every_setting_is_described() -> None:
    """The page of settings is made from the descriptions."""
    assert all(field.metadata["description"].endswith(".") for field in fields(Settings))


def test_a_processor_with_nothing_written_does_not_load_the_validation() -> None:
    """pydantic is loaded when there is something to validate."""
    code = (
        "import sys, spancost; spancost.LLMCostProcessor(); assert 'pydantic' not in sys.modules;"
        "spancost.LLMCostProcessor(rollup=False); assert 'pydantic' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
