"""Hashes of mails on the hosts of a site: who keeps them, who asks, who teaches."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

import rendered_tree
from filter_engine import checks
from filter_engine.checks.fuzzy_check.options import STOCK, FuzzyCheckOptions, FuzzyRule
from filter_engine.config import Config, Severity
from filter_engine.config.loader import inspect
from filter_engine.config.workers import FuzzyConfig
from filter_engine.headers.sections import sections
from filter_engine.scan.declare import REGISTRY

checks.load()

LIMITS = Path(__file__).resolve().parents[3] / "docs/limits.md"
PRIMARY, REPLICA = "charlotte", "maeve"


def read(tree: Path) -> Config:
    """A host's tree as the engine reads it: nothing is found but what is told."""
    inspection = inspect(
        variables={"LOCAL_CONFDIR": str(tree)},
        environ={},
        modules=sections(REGISTRY),
    )
    assert inspection.config is not None
    said = [f for f in inspection.findings if f.severity is not Severity.INFO]
    assert said == []
    return inspection.config


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Config]:
    trees = rendered_tree.render(tmp_path_factory.mktemp("site"))
    return {host: read(trees / host) for host in (PRIMARY, REPLICA)}


def storage(config: Config) -> FuzzyConfig:
    (found,) = (worker for worker in config.workers if isinstance(worker, FuzzyConfig))
    return found


def rule(config: Config) -> FuzzyRule:
    options = config.modules["fuzzy_check"]
    assert isinstance(options, FuzzyCheckOptions)
    assert list(options.rule) == ["local"]
    return options.rule["local"]


def test_every_host_has_a_storage_and_that_of_exchangers_takes_no_changes(
    site: dict[str, Config],
) -> None:
    for config in site.values():
        assert storage(config).count == 1
        assert {str(socket).rpartition(":")[2] for socket in storage(config).bind_socket} == {
            "11335"
        }
        assert storage(config).expire == 90 * 86400
        assert storage(config).read_servers is not None
        assert storage(config).write_servers is not None
    assert list(storage(site[PRIMARY]).allow_update.networks)
    assert not list(storage(site[REPLICA]).allow_update.networks)


def test_the_own_storage_is_asked_first(site: dict[str, Config]) -> None:
    for config in site.values():
        asked = rule(config).reading
        assert asked is not None
        assert asked.rotation == "master-slave"
        hosts = sorted(asked, key=lambda each: -each.weight)
        assert hosts[0].name == "127.0.0.1:11335"
        assert len(hosts) == 3
        assert {each.port for each in hosts} == {11335}


def test_an_exchanger_teaches_nothing_and_the_access_server_its_own_storage(
    site: dict[str, Config],
) -> None:
    assert rule(site[REPLICA]).writing is None
    check_teaches(site[PRIMARY])


def check_teaches(config: Config) -> None:
    taught = rule(config).writing
    assert taught is not None
    assert [one.name for one in taught] == ["127.0.0.1:11335"]
    assert any("127.0.0.1" in str(socket) for socket in storage(config).bind_socket)
    allowed = {str(n).partition("/")[0] for n in storage(config).allow_update}
    assert "127.0.0.1" in allowed
    assert not {"10.195.171.142", "10.195.171.47"} & allowed, "no other host"


def test_exchangers_teach_the_access_server_where_a_site_has_traps_taught(tmp_path: Path) -> None:
    """What docs/limits.md says to write."""
    text = LIMITS.read_text().partition("# group_vars/mx.yml\n")[2].partition("```")[0]
    exchanger, _, access = text.partition("# group_vars/mas.yml")
    spoken = yaml.safe_load(exchanger)
    maeve = read(rendered_tree.render(tmp_path / "mx", hosts=REPLICA, **spoken) / REPLICA)
    (taught,) = rule(maeve).writing or ()
    assert taught.name == "10.195.171.10:11335"
    assert not list(storage(maeve).allow_update.networks)
    spoken = yaml.safe_load(access.partition("\n")[2])
    charlotte = read(rendered_tree.render(tmp_path / "mas", hosts=PRIMARY, **spoken) / PRIMARY)
    check_teaches(charlotte)
    allowed = {str(network) for network in storage(charlotte).allow_update}
    assert any("10.195.171.11" in network for network in allowed)


def test_the_access_server_teaches_its_own_storage_wherever_redis_primary_is(
    tmp_path: Path,
) -> None:
    """No host is the only one that takes lessons: the storage writes to whom Sentinel names."""
    trees = rendered_tree.render(tmp_path, hosts=PRIMARY, site_redis_role="replica")
    config = read(trees / PRIMARY)
    check_teaches(config)
    assert storage(config).sentinels is not None


def test_lessons_have_a_list_of_their_own_and_one_of_them_decides_nothing(
    site: dict[str, Config],
) -> None:
    (learns,) = (entry for entry in rule(site[PRIMARY]).fuzzy_map.values() if entry.learn)
    assert learns.symbol == "FUZZY_DENIED"
    assert learns.flag not in {1, 2, 3}, "Rspamd's lists, which `fuzzy add` fills"
    assert learns.max_score is not None
    share = math.tanh(math.e * learns.learn_weight / learns.max_score)
    score = next(one.score for one in STOCK if one.name == "FUZZY_DENIED")
    assert share * score < 4.0, "greylist, the first action"
    assert math.tanh(math.e * 10 * learns.learn_weight / learns.max_score) * score > 11.5


def test_without_a_storage_nobody_is_asked(tmp_path: Path) -> None:
    trees = rendered_tree.render(tmp_path, hosts=REPLICA, filter_engine_fuzzy_redis={})
    config = read(trees / REPLICA)
    assert storage(config).count == -1
    assert not (trees / REPLICA / "local.d/fuzzy_check.conf").exists()


def test_a_single_host_keeps_asks_and_teaches(tmp_path: Path) -> None:
    trees = rendered_tree.render(tmp_path, site="single_host")
    (tree,) = (path.parent for path in trees.glob("*/local.d"))
    own = rule(read(tree))
    assert [each.name for each in own.reading or ()] == ["127.0.0.1:11335"]
    assert [each.name for each in own.writing or ()] == ["127.0.0.1:11335"]
