"""What the golden image is made of."""

import pytest

from lab import image
from lab.apt_sources import apt_sources
from lab.errors import LabError
from lab.paths import PROJECT
from lab.programs import controller_packages, require

DEBIAN = """\
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
"""
OTHER = """\
# not bookworm main at all
Types: deb
URIs: http://vendor.example/deb
Suites: nodistro
Components: main
"""


def role(tmp_path, name, text):
    path = tmp_path / name / "vars" / "main.yml"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_packages_are_read_from_the_roles_own_lists(tmp_path):
    role(tmp_path, "web", "__web_packages: [nginx, openssl]\n__web_tls_packages: [certbot]\n")
    role(tmp_path, "plain", "---\n__plain_path: /etc\n__plain_packages_path: /opt\n")
    assert image.role_packages(tmp_path) == {"plain": [], "web": ["certbot", "nginx", "openssl"]}


def test_the_union_names_each_package_once_and_sorted():
    assert image.union([["b", "a"], ["c", "b"]]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("__web_packages: '{{ other }}'", "must be a plain list"),
        ("__web_packages: ['{{ other }}']", "is not the name of an apt package"),
        ("__web_packages: ['--option']", "is not the name of an apt package"),
        ("__web_packages: [nginx=1.2]", "is not the name of an apt package"),
        ("__web_packages: [3]", "is not the name of an apt package"),
        ("__web_packages: [", "not YAML"),
    ],
)
def test_a_list_that_is_not_plain_is_named_with_its_file(tmp_path, text, words):
    role(tmp_path, "web", text)
    with pytest.raises(LabError) as caught:
        image.role_packages(tmp_path)
    assert words in str(caught.value)
    assert "web/vars/main.yml" in str(caught.value)


def test_the_image_holds_what_every_role_of_the_project_asks_for():
    wanted = image.image_packages()
    for name in (path.parent.parent.name for path in (PROJECT / "roles").glob("*/vars/main.yml")):
        missing = set(image.role_packages()[name]) - set(wanted)
        assert not missing, name
    assert {"systemd", "openssh-server", "python3", "knot", "python3-aiosmtpd"} <= set(wanted)


def test_the_tag_changes_with_packages_and_with_files_only(monkeypatch, tmp_path):
    tag = image.image_tag(["a", "b"])
    assert image.image_tag(["a", "b"]) == tag
    assert image.image_tag(["a"]) != tag
    for path in image.ROOTFS.iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    monkeypatch.setattr(image, "ROOTFS", tmp_path)
    assert image.image_tag(["a", "b"]) == tag
    with (tmp_path / "container-init").open("a") as file:
        file.write("# changed\n")
    assert image.image_tag(["a", "b"]) != tag


def test_only_debians_own_sources_are_used(tmp_path):
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (parts / "debian.sources").write_text(DEBIAN)
    (parts / "vendor.sources").write_text(OTHER)
    (parts / "vendor.list").write_text("deb http://vendor.example/apt sdk-bookworm main\n")
    (parts / "old.list.save").write_text("deb http://mirror.example/debian bookworm main\n")
    (tmp_path / "sources.list").write_text("deb http://mirror.example/debian bookworm main\n")
    assert apt_sources(tmp_path).files == (
        str(tmp_path / "sources.list"),
        str(parts / "debian.sources"),
    )


def test_backports_come_from_where_debian_does(tmp_path):
    (tmp_path / "sources.list.d").mkdir()
    file = tmp_path / "sources.list.d/debian.sources"
    file.write_text(DEBIAN)
    (uri,) = {line.split()[1] for line in DEBIAN.splitlines() if line.startswith("URIs:")}
    assert apt_sources(tmp_path).backports == f"deb {uri} bookworm-backports main"
    file.write_text(DEBIAN.replace("Suites:", "Suites: bookworm-backports"))
    assert apt_sources(tmp_path).backports is None
    file.unlink()
    line = "deb [arch=amd64] http://mirror.example/debian bookworm main\n"
    (tmp_path / "sources.list").write_text("deb http://x.example/s bookworm-security main\n" + line)
    expected = "deb http://mirror.example/debian bookworm-backports main"
    assert apt_sources(tmp_path).backports == expected


def test_a_machine_without_debian_sources_is_told_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(LabError, match="LAB_APT_SOURCES"):
        apt_sources(tmp_path)
    monkeypatch.setenv("LAB_APT_SOURCES", "/somewhere/sources.list")
    assert apt_sources(tmp_path).files == ("/somewhere/sources.list",)


def test_a_missing_program_is_named_with_the_packages_to_install():
    with pytest.raises(LabError) as caught:
        require(["no-such-program-here", "sh"])
    assert "not installed: no-such-program-here;" in str(caught.value)
    assert "mmdebstrap" in str(caught.value)


def test_the_controllers_packages_are_plain_names():
    packages = controller_packages()
    assert packages == sorted(set(packages))
    assert all(image._PACKAGE.fullmatch(package) for package in packages)
