"""Reading and changing settings: ``config get``, ``config set``, ``config show``, ``config restore``."""

from typing import TYPE_CHECKING, Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.completion import complete_assignment, complete_setting
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, JsonOption, resolve_data_dir
from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import DataDir
from cq_tui.standard_streams import print_error

if TYPE_CHECKING:
    from cq_tui.store.settings_file import LoadedSettings

config = typer.Typer(help="Read or change settings (ssot/env.json).", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config, name="config")


@config.command("get")
def config_get(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", autocompletion=complete_setting)],
    data_dir: DataOption = None,
) -> None:
    """Print the effective value of a setting."""
    from cq_tui.contracts.setting_names import is_setting, refuse_unknown
    from cq_tui.ops.characters import printable
    from cq_tui.ops.render import format_setting

    if not is_setting(key):
        fail(printable(refuse_unknown(key)), ExitCode.UNUSABLE)
    loaded = _load(resolve_data_dir(context, data_dir))
    if loaded.problem:
        print_error(printable(loaded.problem))
    typer.echo(format_setting(loaded.shown(key)))


@config.command("set")
def config_set(
    context: typer.Context,
    pairs: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY=VALUE...",
            help="Use - as VALUE to be prompted, as for a secret.",
            autocompletion=complete_assignment,
        ),
    ],
    data_dir: DataOption = None,
) -> None:
    """Change settings; running services apply them at once."""
    from cq_tui.ops.characters import printable
    from cq_tui.ops.prompting import prompt_secret
    from cq_tui.ops.render import format_setting, parse_assignments
    from cq_tui.ops.settings import ModeChangeRefused, describe_left_alone, describe_unchanged_mode, set_settings

    data = resolve_data_dir(context, data_dir)
    before = _load(data)
    with report_errors():
        changes = parse_assignments(pairs, prompt_secret)
        try:
            done = set_settings(data, changes, "cli", print_error)
        except ModeChangeRefused as error:
            fail(str(error), ExitCode.FAILED)
    for change in done:
        typer.echo(f"{change.key}: {format_setting(change.old_value)} -> {format_setting(change.new_value)}")
    if not done:
        typer.echo("nothing changed")
    loaded = _load(data)
    if note := loaded.problem or describe_unchanged_mode(before, loaded, done):
        print_error(printable(note))
    if alone := describe_left_alone(data, before, loaded):
        print_error("\n".join(map(printable, alone.splitlines())))
    if "TRADING_STATE" in changes and loaded.stop_reason is not None:
        print_error(printable(f"trading is {loaded.settings.TRADING_STATE} {loaded.stop_reason}. Run `cq-tui resume`"))


@config.command("restore")
def config_restore(context: typer.Context, data_dir: DataOption = None) -> None:
    """Write the last good settings again, over a file that cannot be used or is gone."""
    from cq_tui.ops.settings import restore_settings

    data = resolve_data_dir(context, data_dir)
    with report_errors():
        kept = restore_settings(data)
    was = "it was gone" if kept is None else f"what was there is now {kept}"
    typer.echo(f"{data.settings} has the last good settings again; {was}")


@config.command("show")
def config_show(context: typer.Context, data_dir: DataOption = None, as_json: JsonOption = False) -> None:
    """List all effective settings and where each comes from."""
    import orjson

    from cq_tui.ops.render import setting_lines, setting_values

    loaded = _load(resolve_data_dir(context, data_dir))
    if as_json:
        typer.echo(orjson.dumps(setting_values(loaded), option=orjson.OPT_INDENT_2))
    else:
        typer.echo("\n".join(setting_lines(loaded)))


def _load(data: DataDir) -> "LoadedSettings":
    from cq_tui.store.settings_in_force import SettingsInForce

    with report_errors():
        return SettingsInForce(data).load()
