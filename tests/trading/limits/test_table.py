"""The table of limits: one row for each, and every setting that it names is one."""

from cq_tui.contracts.settings import SETTING_KEYS
from cq_tui.trading.denial import Denial
from cq_tui.trading.limits.limit import LimitKind
from cq_tui.trading.limits.table import LIFTED, LIMITS, limit_denials
from tests.trading.samples import NOW, SIGNAL, context


def test_each_limit_has_one_check_a_meaning_and_settings_that_exist() -> None:
    assert len({limit.name for limit in LIMITS}) == len(LIMITS)
    for limit in LIMITS:
        assert (limit.check is None) is not (limit.check_all is None), limit.name
        assert limit.meaning.endswith("."), limit.name
        assert set(limit.settings) <= set(SETTING_KEYS), limit.name


def test_only_limits_on_appetite_are_ever_lifted() -> None:
    assert {limit.kind for limit in LIMITS if limit.reason in LIFTED} == {LimitKind.APPETITE}


def test_denials_come_in_the_order_of_the_table() -> None:
    many = context(quarantine="3 failures", entries_day=5_000, last_entry={"BTCUSDT": NOW})
    found = [denial.reason for denial in limit_denials(many, SIGNAL, NOW)]
    assert found == [limit.reason for limit in LIMITS if isinstance(limit.denial(many, SIGNAL, NOW), Denial)]
    assert len(found) == 3
