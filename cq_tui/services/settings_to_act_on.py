"""The settings in force for who acts on them: the services and their supervisor, which remember them."""

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import effective_mode
from cq_tui.contracts.settings import Settings
from cq_tui.store.settings_in_force import SettingsInForce


def settings_to_act_on(data: DataDir) -> SettingsInForce:
    """Return the settings, which follow the file to no account that cannot be used."""

    def fault(settings: Settings) -> str | None:
        if effective_mode(settings).mode == "simulation":
            return None
        # Imported only for a change of account: not every process needs what signs requests.
        from cq_tui.services.endpoints import account_fault

        return account_fault(settings, data)

    return SettingsInForce(data, writes=True, fault=fault)
