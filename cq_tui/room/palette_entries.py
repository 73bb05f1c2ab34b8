"""The command palette's entries: every key and every action with its object; in gray what cannot act now."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from textual.command import DiscoveryHit, Hit, Hits
from textual.content import Content
from textual.system_commands import SystemCommandsProvider


@dataclass(frozen=True, slots=True)
class KeyCommand:
    """Does what a key of the room does, or says why it cannot."""

    run: Callable[[str], Awaitable[None]]
    action: str
    #: Why it cannot be done now.
    refusal: str | None

    async def __call__(self) -> None:
        """Run the key's action."""
        await self.run(self.action)


class RoomCommands(SystemCommandsProvider):
    """Textual's provider, with gray names."""

    async def discover(self) -> Hits:
        """Yield every entry."""
        async for hit in super().discover():
            yield _grayed(hit)

    async def search(self, query: str) -> Hits:
        """Yield the entries that match."""
        async for hit in super().search(query):
            yield _grayed(hit)


def _grayed(hit: DiscoveryHit | Hit) -> DiscoveryHit | Hit:
    if getattr(hit.command, "refusal", None) is None:
        return hit
    name = Content.styled(hit.text or "", "$rule")
    return replace(hit, display=name) if isinstance(hit, DiscoveryHit) else replace(hit, match_display=name)
