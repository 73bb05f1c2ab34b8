"""The base of screens with keys that cannot always act: such a key is grayed and says why when it is pressed."""

from textual.actions import parse
from textual.screen import Screen, ScreenResultType


class RefusingScreen(Screen[ScreenResultType]):
    """Subclasses say in ``refusal`` why an action cannot be done now."""

    def refusal(self, action: str, parameters: tuple[object, ...]) -> str | None:
        """Return why an action cannot be done now; None if it can."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let Textual skip and gray what cannot be done now."""
        return None if self.refusal(action, parameters) else True

    def refusal_of(self, action: str) -> str | None:
        """Return why an action of a binding cannot be done now; None if it can."""
        _, name, parameters = parse(action)
        return self.refusal(name, parameters)
