"""`completion`: what a shell needs to complete our commands and options with the Tab key."""

import click
from click.shell_completion import get_completion_class

PROGRAM, VARIABLE = "selfieless", "_SELFIELESS_COMPLETE"  # click's own names for them


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def write_completion(context: click.Context, shell: str) -> None:
    """Write the completion script of a shell.

    \b
      bash   eval "$(selfieless completion bash)"          in ~/.bashrc
      zsh    eval "$(selfieless completion zsh)"           in ~/.zshrc
      fish   selfieless completion fish | source           in ~/.config/fish/config.fish
    """
    found = get_completion_class(shell)
    assert found is not None  # the choice allows no other
    click.echo(found(context.find_root().command, {}, PROGRAM, VARIABLE).source())
