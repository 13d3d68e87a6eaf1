"""
Settings of the service: where they come from, which source overrides which, and what is refused.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

from provenance import SettingsError, builtin_policies
from provenance.distribution import state_folder
from provenance.loopback import is_loopback
from provenance.service.config.load import load_settings
from provenance.service.config.settings import Settings, table
from provenance.workers import usable_processors

NOTHING: dict[str, str] = {}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """
    Name a settings file that each test writes.
    """
    return tmp_path / "service.toml"


def load(text: str, config: Path, environment: dict[str, str] | None = None, **options: object) -> Settings:
    """
    Load settings from a file with this text, and whatever else is given.
    """
    config.write_text(text, "utf-8")
    return load_settings(config, environment or NOTHING, options)


def test_without_any_source_the_defaults_hold() -> None:
    """
    A service that listens to this machine alone, with bounds on everything.
    """
    settings = load_settings(environment=NOTHING)

    assert settings == Settings()
    assert (settings.host, settings.port, settings.max_bytes) == ("127.0.0.1", 8000, 20 * 1024 * 1024)
    assert settings.policies[0] == "azure-openai"
    assert set(settings.policies) == set(builtin_policies())
    assert settings.worker_count == usable_processors()
    assert settings.admission_slots == 9 * settings.worker_count
    assert settings.no_auth is False


def test_each_source_overrides_the_one_before(config: Path) -> None:
    """
    File, environment, command line.
    """
    text = 'port = 1\nworkers = 2\nqueue = 0\nlog_level = "error"\n'
    environment = {"PROVENANCE_WORKERS": "3", "PROVENANCE_QUEUE": "5", "HOME": "/"}

    settings = load(text, config, environment, queue=7, port=None)

    assert (settings.port, settings.log_level) == (1, "error")
    assert settings.worker_count == 3
    assert settings.admission_slots == 3 + 7


def test_the_environment_names_a_file(config: Path) -> None:
    """
    Unless the command line names one.
    """
    config.write_text("port = 1\n", "utf-8")
    other = config.with_name("other.toml")
    other.write_text("port = 2\n", "utf-8")
    environment = {"PROVENANCE_CONFIG": str(config)}

    assert load_settings(environment=environment).port == 1
    assert load_settings(other, environment).port == 2


def test_every_setting_can_come_from_a_file_and_from_the_environment(config: Path) -> None:
    """
    With the same outcome.
    """
    values: dict[str, tuple[str, str, object]] = {
        "host": ('"::1"', "::1", "::1"),
        "port": ("1", "1", 1),
        "database": ('"sqlite:////x"', "sqlite:////x", "sqlite:////x"),
        "store_timeout_s": ("2", "2", 2.0),
        "policies": ('["azure-openai"]', "azure-openai", ("azure-openai",)),
        "trust_profiles": ('["microsoft", "b"]', "microsoft, b", ("microsoft", "b")),
        "max_bytes": ('"1MiB"', "1MiB", 1_048_576),
        "max_batch": ("2", "2", 2),
        "workers": ("3", "3", 3),
        "queue": ("0", "0", 0),
        "deadline_s": ("0.5", "0.5", 0.5),
        "max_memory": ("100000000", "100000000", 100_000_000),
        "rate": ("60", "60", 60),
        "burst": ("5", "5", 5),
        "retention_days": ("30", "30", 30),
        "header_timeout_s": ("1.5", "1.5", 1.5),
        "body_timeout_s": ("2", "2.0", 2.0),
        "min_body_rate": ("1024", "1KiB", 1024),
        "keep_alive_s": ("9", "9", 9),
        "max_connections": ("9", "9", 9),
        "metrics_open": ("true", "true", True),
        "log_level": ('"debug"', "debug", "debug"),
        "otlp_endpoint": ('"http://a:1/v1/traces"', "http://a:1/v1/traces", "http://a:1/v1/traces"),
        "shutdown_s": ("3", "3", 3),
        "proxies": ('["10.0.0.0/8", "::1"]', "10.0.0.0/8,::1", ("10.0.0.0/8", "::1")),
    }
    text = "".join(f"{name} = {toml}\n" for name, (toml, _, _) in values.items())
    environment = {f"PROVENANCE_{name.upper()}": plain for name, (_, plain, _) in values.items()}

    loaded = [load(text, config), load_settings(environment=environment)]

    assert set(values) == {row.name for row in table()}
    for settings in loaded:
        assert {name: getattr(settings, name) for name in values} == {
            name: expected for name, (_, _, expected) in values.items()
        }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot = 1", "settings file 'service.toml': there is no setting 'prot'; there are host, port,"),
        ("no_auth = true", "there is no setting 'no_auth'; --no-auth is an option of the command only"),
        (r'host = "a\u0000b"', "'host' has to be an address or a name of this machine"),
        ("host = 'a b'", "'a b' is not"),
        ("host = 'a..b'", "'a..b' is not"),
        ("[server]\nport = 1", "there is no setting 'server'"),
        (
            "port = '1'",
            "settings file 'service.toml': 'port' has to be a whole number from 0 to 65,535; '1' is not",
        ),
        ("port = 65536", "65536 is not"),
        ("port = true", "True is not"),
        ("port = 1.0", "1.0 is not"),
        ("max_bytes = 0", "'max_bytes' has to be a number of bytes from 1"),
        ("max_bytes = '20 megabytes'", "or a size such as 500000, 64M or 1GiB; '20 megabytes' is not"),
        ("max_bytes = '0x10'", "is not"),
        ("max_bytes = '2GiB'", "'2GiB' is not"),
        ("deadline_s = nan", "'deadline_s' has to be a number of seconds from 0.001 to 600"),
        ("deadline_s = inf", "inf is not"),
        ("deadline_s = 'soon'", "or a duration such as 30, 1.5s, 90m, 12h or 90d; 'soon' is not"),
        ("deadline_s = '1h'", "'1h' is not"),
        ("shutdown_s = 1.5", "'shutdown_s' has to be a whole number of seconds from 1 to 3600"),
        ("shutdown_s = '1500ms'", "'1500ms' is not"),
        ("metrics_open = 1", "'metrics_open' has to be true or false; 1 is not"),
        ("log_level = 'loud'", "one of debug, info, warning, error; 'loud' is not"),
        ("log_level = []", "one of debug"),
        ("policies = []", "not empty; [] is not"),
        ("policies = 'azure-openai'", "'policies' has to be a list of"),
        ("policies = ['a', 'a']", "none twice"),
        ("policies = ['']", "'policies' has to be"),
        ("policies = [1]", "'policies' has to be"),
        ("proxies = ['proxy.example']", "'proxies' has to be a list of IP addresses and networks"),
        ("host = ''", "'host' has to be"),
        ("otlp_endpoint = 'localhost:4318'", "begins with http:// or https://"),
        ("port = ", "is not TOML"),
        ("\xff", "is not TOML"),
    ],
)
def test_what_is_not_allowed_in_a_file_is_refused(config: Path, text: str, words: str) -> None:
    """
    Naming the file, the key, what is allowed and what was found.
    """
    config.write_bytes(text.encode("latin-1"))

    with pytest.raises(SettingsError) as caught:
        load_settings(config, NOTHING)

    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "--show-settings" in caught.value.hint


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("PROVENANCE_PROT", "1", "environment variable PROVENANCE_PROT: there is no setting 'prot'"),
        ("PROVENANCE_NO_AUTH", "true", "there is no setting 'no_auth'"),
        ("PROVENANCE_PORT", "many", "environment variable PROVENANCE_PORT: 'port' has to be"),
        ("PROVENANCE_PORT", "8_000", "'8_000' is not"),
        ("PROVENANCE_DEADLINE_S", "1e1", "'1e1' is not"),
        ("PROVENANCE_METRICS_OPEN", "yes", "true or false; 'yes' is not"),
        ("PROVENANCE_POLICIES", "", "not empty"),
        ("PROVENANCE_POLICIES", "a,,b", "'policies' has to be"),
        ("PROVENANCE_SERVICE_NAME", "x", "there is no setting 'service_name'"),
    ],
)
def test_what_is_not_allowed_in_the_environment_is_refused(variable: str, text: str, words: str) -> None:
    """
    A limit that is misspelt must not be a limit that is not there.
    """
    with pytest.raises(SettingsError) as caught:
        load_settings(environment={variable: text})

    assert words in str(caught.value)


def test_what_kubernetes_sets_is_left_alone() -> None:
    """
    For a Service called "provenance", and with the name of a setting of ours.
    """
    environment = {
        "PROVENANCE_PORT": "tcp://10.0.0.7:80",
        "PROVENANCE_PORT_80_TCP": "tcp://10.0.0.7:80",
        "PROVENANCE_PORT_80_TCP_PROTO": "tcp",
        "PROVENANCE_SERVICE_HOST": "10.0.0.7",
        "PROVENANCE_SERVICE_PORT": "80",
        "PROVENANCE_SERVICE_PORT_HTTP": "80",
    }

    assert load_settings(environment=environment) == Settings()


@pytest.mark.parametrize("option", ["port", "workers"])
def test_what_is_not_allowed_on_the_command_line_is_refused(option: str) -> None:
    """
    In the same words.
    """
    with pytest.raises(SettingsError, match=f"command line: '{option}' has to be a whole number"):
        load_settings(environment=NOTHING, options={option: -1})


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """
    Defaults in its place would be somebody else's service.
    """
    missing = tmp_path / "missing.toml"

    with pytest.raises(SettingsError) as caught:
        load_settings(missing, NOTHING)

    assert str(caught.value) == f"settings file {str(missing)!r} cannot be read: No such file or directory"
    assert "Name a TOML file" in caught.value.hint


def test_a_folder_is_no_file_of_settings() -> None:
    """
    It is named, though it has no name of its own.
    """
    with pytest.raises(SettingsError, match=r"settings file '\.' cannot be read: Is a directory"):
        load_settings(Path(), NOTHING)


def test_a_name_that_no_file_has_is_refused() -> None:
    """
    As a setting, not as a mistake of ours.
    """
    with pytest.raises(SettingsError, match="cannot be read: embedded null byte"):
        load_settings(Path("a\0b"), NOTHING)


@pytest.mark.parametrize("key", ["database", "otlp_endpoint"])
def test_a_password_is_never_shown(key: str) -> None:
    """
    In an error, or where settings are printed.
    """
    with pytest.raises(SettingsError) as caught:
        load_settings(environment=NOTHING, options={key: ["secret"]})

    assert "secret" not in str(caught.value)
    assert "what is given is not" in str(caught.value)
    settings = Settings(database="sqlite:///secret", otlp_endpoint="http://secret@a")
    assert "secret" not in repr(settings)


@pytest.mark.parametrize("settings", [{"workers": 0}, {"port": "80"}, {"policies": ()}])
def test_settings_made_by_hand_are_checked_too(settings: dict[str, Any]) -> None:
    """
    Nobody gets around the bounds.
    """
    with pytest.raises(SettingsError, match="settings: "):
        Settings(**settings)


def test_paths_in_a_file_are_relative_to_it(config: Path) -> None:
    """
    Wherever the service is started from.
    """
    text = 'policies = ["azure-openai", "own.toml"]\ntrust_profiles = ["microsoft", "/etc/own.toml"]\n'

    settings = load(text, config)

    assert settings.policies == ("azure-openai", str(config.parent / "own.toml"))
    assert settings.trust_profiles == ("microsoft", "/etc/own.toml")


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ("sqlite:///keys.db", "sqlite:///{folder}/keys.db"),
        ("sqlite+pysqlite:///state/keys.db", "sqlite+pysqlite:///{folder}/state/keys.db"),
        ("sqlite:////var/keys.db", "sqlite:////var/keys.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql://host/name", "postgresql://host/name"),
    ],
)
def test_a_database_in_a_file_is_relative_to_it(config: Path, database: str, expected: str) -> None:
    """
    As policies are; what the environment and the command line name is relative to the working folder.
    """
    settings = load(f'database = "{database}"', config)

    assert settings.database == expected.format(folder=config.parent)
    assert load_settings(environment={"PROVENANCE_DATABASE": database}).database == database
    assert load_settings(environment=NOTHING, options={"database": database}).database == database


@pytest.mark.parametrize(
    ("database", "file"),
    [
        ("sqlite:///keys.db", Path("keys.db")),
        ("sqlite:////var/keys.db", Path("/var/keys.db")),
        ("postgresql://host/name", None),
        ("sqlite:///:memory:", None),
    ],
)
def test_the_file_of_a_database_can_be_told(database: str, file: Path | None) -> None:
    """
    Before anything makes it.
    """
    assert Settings(database=database).database_file == file


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost", "LocalHost"])
def test_a_service_without_keys_is_for_this_machine(host: str) -> None:
    """
    By any of its names.
    """
    assert is_loopback(host)
    assert Settings(no_auth=True, host=host).no_auth


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", "127.0.0.1.example.com"])  # noqa: S104 - refused
def test_a_service_without_keys_is_not_for_others(host: str) -> None:
    """
    Everybody could read and delete what others sent.
    """
    with pytest.raises(SettingsError, match="no loopback address"):
        Settings(no_auth=True, host=host)

    assert Settings(host=host).host == host


def test_the_default_database_lies_in_a_folder_of_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Which is made, for the user alone.
    """
    monkeypatch.setenv("AZURE_IMAGE_PROVENANCE_HOME", str(tmp_path / "home"))

    url = Settings().database_url()

    assert url == f"sqlite:///{tmp_path / 'home' / 'state' / 'service.db'}"
    assert (tmp_path / "home" / "state").stat().st_mode & 0o777 == 0o700
    assert Settings(database="sqlite:///other").database_url() == "sqlite:///other"


def test_the_folder_follows_the_systems_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Where people look for it.
    """
    monkeypatch.delenv("AZURE_IMAGE_PROVENANCE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(platformdirs, "PlatformDirs", Unix)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    by_variable = state_folder()
    monkeypatch.delenv("XDG_STATE_HOME")
    by_default = state_folder()
    monkeypatch.setattr(platformdirs, "PlatformDirs", MacOS)

    assert by_variable == tmp_path / "xdg" / "azure-image-provenance"
    assert by_default == tmp_path / ".local" / "state" / "azure-image-provenance"
    assert state_folder() == tmp_path / "Library" / "Application Support" / "azure-image-provenance"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Of settings: another place has to be named.
    """
    (tmp_path / "file").touch()
    monkeypatch.setenv("AZURE_IMAGE_PROVENANCE_HOME", str(tmp_path / "file"))

    with pytest.raises(SettingsError, match="cannot be made"):
        Settings().database_url()


def test_the_table_has_all_settings_and_says_what_they_mean() -> None:
    """
    Documentation is made of it.
    """
    rows = table()

    assert {row.name for row in rows} == {field.name for field in dataclasses.fields(Settings)} - {"no_auth"}
    assert all(row.type_name and row.default and row.meaning.endswith(".") for row in rows)
    assert len({row.meaning for row in rows}) == len(rows)
