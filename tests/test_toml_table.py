"""
Tables of a TOML file: what is read, and how the errors read.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provenance.errors import PolicyError, TrustError
from provenance.toml_table import MAX_FILE_BYTES, TomlTable, is_name, parse_toml, read_file

BOTH_ERRORS = pytest.mark.parametrize("error", [PolicyError, TrustError])


def form(toml: str) -> TomlTable:
    """
    Parse a table under the name that the messages below hold.
    """
    return parse_toml(toml.encode(), "the file", TrustError)


def test_values_of_the_right_type_are_returned() -> None:
    """
    One of each kind.
    """
    table = form(
        'text = "a"\nnumber = 3\nflag = true\ntexts = ["b", "c"]\n[table]\nx = 1\n[[tables]]\ny = 2\n'
    )

    assert table.text("text") == "a"
    assert table.number("number") == 3
    assert table.flag("flag") is True
    assert table.texts("texts") == ("b", "c")
    assert table.table("table").number("x") == 1
    assert [item.number("y") for item in table.tables("tables")] == [2]
    assert "text" in table
    assert "other" not in table


def test_missing_keys_give_what_stands_for_them() -> None:
    """
    Only where there is something that stands for them.
    """
    table = form("")

    assert table.text("a", "default") == "default"
    assert table.text("a", "") == ""
    assert table.texts("a", ("default",)) == ("default",)
    assert table.flag("a") is False
    assert table.tables("a") == ()


@pytest.mark.parametrize(
    ("toml", "read", "message"),
    [
        ("", "text", "the file: 'key' is missing or not text"),
        ("key = 1", "text", "the file: 'key' is missing or not text"),
        ('key = ""', "text", "the file: 'key' is missing or not text"),
        ("", "number", "the file: 'key' is missing or not a whole number"),
        ("key = 1.0", "number", "the file: 'key' is missing or not a whole number"),
        ("key = true", "number", "the file: 'key' is missing or not a whole number"),
        ("key = 1", "flag", "the file: 'key' is not true or false"),
        ('key = "true"', "flag", "the file: 'key' is not true or false"),
        ("", "texts", "the file: 'key' is missing or not a list of text"),
        ('key = "a"', "texts", "the file: 'key' is missing or not a list of text"),
        ('key = ["a", 1]', "texts", "the file: 'key' is missing or not a list of text"),
        ("", "table", "the file: [key] is missing or not a table"),
        ("key = []", "table", "the file: [key] is missing or not a table"),
        ("key = 1", "tables", "the file: 'key' is not a list of tables"),
        ("key = [1]", "tables", "the file: 'key' is not a list of tables"),
        ("[key]", "tables", "the file: 'key' is not a list of tables"),
    ],
)
def test_a_value_of_another_type_is_an_error_that_names_it(toml: str, read: str, message: str) -> None:
    """
    A demand that cannot be read must not become a demand that is dropped.
    """
    table = form(toml)

    with pytest.raises(TrustError) as caught:
        getattr(table, read)("key")

    assert str(caught.value) == message


def test_empty_text_is_refused_even_where_other_text_would_stand_for_it() -> None:
    """
    An empty name is a mistake, not a wish for the default.
    """
    with pytest.raises(TrustError, match="'a' is missing or not text"):
        form('a = ""').text("a", "default")


def test_texts_of_the_wrong_type_are_refused_even_with_a_default() -> None:
    """
    The default is for a missing key only.
    """
    with pytest.raises(TrustError, match="'a' is missing or not a list of text"):
        form("a = 1").texts("a", ("default",))


def test_unknown_keys_are_refused_by_name() -> None:
    """
    A misspelt demand would be no demand.
    """
    table = form("known = 1\nzebra = 1\nanother = 2\n")

    with pytest.raises(TrustError) as caught:
        table.only("known", "absent")

    assert str(caught.value) == "the file has unknown keys: another, zebra"


def test_tables_within_tables_are_named_in_errors() -> None:
    """
    The reader of the message has to find the line.
    """
    table = form("[outer]\n[[rows]]\n")

    with pytest.raises(TrustError, match=r"^\[outer\]: 'x' is missing"):
        table.table("outer").text("x")
    with pytest.raises(TrustError, match=r"^\[\[rows\]\]: 'x' is missing"):
        table.tables("rows")[0].text("x")


@pytest.mark.parametrize("name", ["a", "A", "0", "a.b-c_D", "a..b", "a" * 64])
def test_a_plain_name_is_one(name: str) -> None:
    """
    Letters, digits, dots, dashes and underscores.
    """
    assert is_name(name) is True


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".a", "-a", "_a", "a/b", "a\\b", "a b", "a\n", "a\0", "\u00e9", "\u0661", "a" * 65],
)
def test_what_could_be_a_path_or_an_option_is_no_name(name: str) -> None:
    """
    Names go into reports, file names and commands.
    """
    assert is_name(name) is False


@BOTH_ERRORS
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"not toml", id="syntax"),
        pytest.param(b'a = "\xff"', id="not-utf-8"),
        pytest.param(b"a = 1\na = 2", id="key-twice"),
        pytest.param(b"a = " + b"9" * 5000, id="huge-number"),
        pytest.param(b"a = " + b"[" * 5000 + b"]" * 5000, id="deep-arrays"),
        pytest.param(b"a = " + b"{a = " * 3000 + b"1" + b"}" * 3000, id="deep-tables"),
    ],
)
def test_what_is_not_toml_is_the_error_asked_for(error: type[PolicyError | TrustError], data: bytes) -> None:
    """
    Whatever is in the file, the caller gets the library's own error with the file's name.
    """
    with pytest.raises(error, match=r"^the file is not TOML: "):
        parse_toml(data, "the file", error)


@BOTH_ERRORS
def test_a_missing_file_is_the_error_asked_for(tmp_path: Path, error: type[PolicyError | TrustError]) -> None:
    """
    Named without its folder, which may be nobody's business.
    """
    with pytest.raises(error, match=r"^'absent\.toml' cannot be read: "):
        read_file(tmp_path / "absent.toml", error)


@BOTH_ERRORS
@pytest.mark.parametrize("name", ["", "a\0b"], ids=["folder", "nul"])
def test_what_is_no_file_is_the_error_asked_for(
    tmp_path: Path, error: type[PolicyError | TrustError], name: str
) -> None:
    """
    Opening a folder and opening an impossible name fail in different ways.
    """
    with pytest.raises(error, match="cannot be read"):
        read_file(tmp_path / name, error)


@pytest.mark.parametrize("size", [0, 1, MAX_FILE_BYTES])
def test_a_file_up_to_the_limit_is_read_whole(tmp_path: Path, size: int) -> None:
    """
    The limit itself is allowed.
    """
    path = tmp_path / "small.toml"
    path.write_bytes(b"#" * size)

    assert read_file(path, TrustError) == b"#" * size


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    """
    A file that is no profile must not fill the memory.
    """
    path = tmp_path / "large.toml"
    path.touch()
    os.truncate(path, MAX_FILE_BYTES + 1)

    with pytest.raises(PolicyError, match=r"^'large\.toml' is larger than 4,194,304 bytes$"):
        read_file(path, PolicyError)
