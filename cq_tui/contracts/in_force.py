"""``state/settings_in_force.json``: the settings that hold while those of the file cannot be used."""

from typing import Any

from cq_tui.contracts.base import ContractModel
from cq_tui.contracts.mode import Mode, effective_mode
from cq_tui.contracts.settings import Settings


class Identified(ContractModel, extra="ignore"):
    """Whose account keys and address lead to, by the exchange; or why it does not say."""

    credentials: str
    """Digest of the settings that have them."""
    account: str | None = None
    problem: str | None = None
    """Why the exchange does not say."""


class InForce(ContractModel, extra="ignore"):
    """``state/settings_in_force.json`` (0600): what holds while the settings cannot be used. It has secrets."""

    in_file: dict[str, Any] | None = None
    """The last good values in the file, with its secrets; null if there was no file."""
    account: dict[str, Any] = {}
    """The settings that chose the account, without secrets of the environment; empty if not known."""
    refused: str | None = None
    """Why the services do not follow the file to another account; null if they do."""
    identified: Identified | None = None
    """Whose account the settings lead to that the services do not follow yet, if they stay in the mode."""
    limits: dict[str, dict[str, Any]] = {}
    """What each limits file said last, by its path."""

    @property
    def mode(self) -> Mode | None:
        """The mode that the services are in; None if that is not known."""
        return effective_mode(Settings.model_validate(self.account)).mode if self.account else None
