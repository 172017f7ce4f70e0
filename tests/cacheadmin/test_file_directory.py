"""Which directories are trusted, and which are shared by machines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core import checks
from pytest_django import Settings

from cacheadmin.checks import check_directories, check_file_systems
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.file import check_directory, file_system_of, mounts, of_this_machine, own_directory
from cacheadmin.identity import identify

MOUNTINFO = r"""
22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:25 / /proc rw,nosuid - proc proc rw
41 22 0:44 / /srv/nfs rw,relatime shared:20 - nfs4 server:/export rw,vers=4.2
42 41 0:45 / /srv/nfs/local rw - xfs /dev/vdb rw
43 22 0:46 / /srv/with\040space rw - cifs //server/share rw
44 22 0:47 / /home rw - fuse.sshfs somebody@host:/home rw
45 22 0:48 / /over rw - ext4 /dev/vdc rw
46 45 0:49 / /over rw - 9p share rw
broken
47 22 0:50 / /half rw -
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/cache", "ext4"),
        ("/srv/nfs", "nfs4"),
        ("/srv/nfs/site/cache", "nfs4"),
        ("/srv/nfsless", "ext4"),
        ("/srv/nfs/local/cache", "xfs"),
        ("/srv/with space/cache", "cifs"),
        ("/home/user/site", "fuse.sshfs"),
        ("/over/cache", "9p"),
        ("/half", "ext4"),
        ("/", "ext4"),
    ],
)
def test_the_file_system_is_that_of_the_innermost_mount(path: str, kind: str) -> None:
    assert file_system_of(Path(path), MOUNTINFO) == kind


def test_where_the_system_does_not_tell_it_is_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert file_system_of(Path("/"), "") == ""
    assert file_system_of(Path("/")) != ""
    monkeypatch.setattr(mounts, "_MOUNTS", tmp_path / "nothing")
    assert file_system_of(Path("/")) == ""


@pytest.fixture
def on_nfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that the system says is on NFS."""
    table = tmp_path / "mountinfo"
    table.write_text(f"41 22 0:44 / {os.path.realpath(tmp_path)} rw - nfs4 server:/export rw\n")
    monkeypatch.setattr(mounts, "_MOUNTS", table)
    mounts.network_of.cache_clear()
    return tmp_path / "cache"


def test_on_a_network_file_system_each_machine_keeps_to_its_own_part(
    on_nfs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = set()
    for host in ("web1", "web2"):
        monkeypatch.setattr("socket.gethostname", lambda host=host: host)
        parts.add(of_this_machine(on_nfs))
        found = identify("", {"OPTIONS": {"DIRECTORY": str(on_nfs)}}).directory
        assert found in parts
        assert found.parent == on_nfs
    assert len(parts) == 2


def test_a_network_file_system_is_reported_in_words(on_nfs: Path, settings: Settings) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "cacheadmin.backend.AdaptiveCache",
            "OPTIONS": {"ENGINE": "file", "DIRECTORY": str(on_nfs)},
        }
    }
    assert check_file_systems() == [
        checks.Warning(
            f"CACHES['default'] keeps its files on a network file system (nfs4): {of_this_machine(on_nfs)}. "
            "Each machine uses a part of its own there, so that nothing can be corrupted, "
            "but machines do not see each other's entries and clears.",
            hint="Use a directory on a local disk, or Redis if several machines serve this site.",
            id="cacheadmin.W004",
        )
    ]


def test_a_local_disk_is_not_reported(settings: Settings, tmp_path: Path) -> None:
    mounts.network_of.cache_clear()
    settings.CACHES = {
        "default": {
            "BACKEND": "cacheadmin.backend.AdaptiveCache",
            "OPTIONS": {"ENGINE": "file", "DIRECTORY": str(tmp_path)},
        }
    }
    assert check_file_systems() == []
    assert of_this_machine(tmp_path) == tmp_path


# --- Trust ---


def verdict_of(directory: Path) -> tuple[str, str]:
    with pytest.raises(EngineUnavailable) as refused:
        check_directory(directory)
    return refused.value.verdict.word, refused.value.detail


def test_a_directory_of_our_own_is_made_and_trusted(tmp_path: Path) -> None:
    check_directory(tmp_path / "deep" / "cache")
    assert (tmp_path / "deep" / "cache").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_a_directory_that_others_can_write_is_refused_and_another_offered(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "shared"
    path.mkdir()
    path.chmod(mode)
    assert verdict_of(path) == ("unsafe directory", str(path))
    offered = own_directory(path)
    assert offered != own_directory(tmp_path / "another")
    check_directory(offered)
    offered.rmdir()


def test_a_parent_in_which_others_can_rename_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "open" / "cache"
    path.mkdir(parents=True, mode=0o700)
    path.parent.chmod(0o777)
    word, detail = verdict_of(path)
    assert word == "unsafe directory"
    assert str(path.parent) in detail
    # Where only the owner of a file may rename it, as among the temporary files, nobody can.
    path.parent.chmod(0o1777)
    check_directory(path)


def test_a_directory_that_does_not_exist_yet_is_not_made_in_an_unsafe_place(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    assert verdict_of(tmp_path / "open" / "deep" / "cache")[0] == "unsafe directory"
    assert not (tmp_path / "open" / "deep").exists()


def test_what_a_link_leads_to_has_to_be_safe_too(tmp_path: Path) -> None:
    (tmp_path / "open" / "real").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "open" / "real")
    check_directory(tmp_path / "link")
    (tmp_path / "open").chmod(0o777)
    assert verdict_of(tmp_path / "link")[0] == "unsafe directory"
    (tmp_path / "open").chmod(0o755)
    (tmp_path / "open" / "real").chmod(0o777)
    assert verdict_of(tmp_path / "link")[0] == "unsafe directory"


def test_a_link_that_leads_nowhere_or_in_a_circle_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert verdict_of(tmp_path / "circle")[0] == "not writable"
    (tmp_path / "file").touch()
    assert verdict_of(tmp_path / "file")[0] == "not writable"
    assert verdict_of(tmp_path / "file" / "cache")[0] == "not writable"


def test_somebody_elses_directory_or_link_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "cache")
    real = os.lstat
    owner = os.geteuid() + 1 if os.geteuid() else 4242

    def as_if_given_away(path: Path) -> os.stat_result:
        status = list(real(path))
        if Path(path).name == "link":
            status[4] = owner
        return os.stat_result(status)

    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", as_if_given_away)
        assert verdict_of(tmp_path / "link")[0] == "unsafe directory"
    monkeypatch.setattr(os, "geteuid", lambda: owner)
    if os.stat(tmp_path).st_uid != 0:
        assert verdict_of(tmp_path / "cache")[0] == "unsafe directory"


def test_the_check_says_what_is_unsafe_when_it_is_not_the_directory_itself(
    tmp_path: Path, settings: Settings
) -> None:
    directory = tmp_path / "open" / "cache"
    directory.mkdir(parents=True)
    directory.parent.chmod(0o777)
    settings.CACHES = {
        "default": {
            "BACKEND": "cacheadmin.backend.AdaptiveCache",
            "OPTIONS": {"ENGINE": "file", "DIRECTORY": str(directory)},
        }
    }
    (message,) = check_directories()
    assert message.hint is not None
    assert str(own_directory(directory)) in message.hint
    assert f"What is unsafe: {directory} (by way of {directory.parent})." in message.hint
