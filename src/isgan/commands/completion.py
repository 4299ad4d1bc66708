"""`isgan completion`: commands and options completed by the shell."""

from typing import Literal


def completion(shell: Literal["bash", "zsh", "fish"], /) -> str:
    """Print a script that teaches a shell to complete isgan's commands, options and their values.

    For bash: isgan completion bash > ~/.local/share/bash-completion/completions/isgan

    For zsh: isgan completion zsh > "${fpath[1]}/_isgan", a folder that you may write to, before compinit.

    For fish: isgan completion fish > ~/.config/fish/completions/isgan.fish

    Parameters
    ----------
    shell
        The shell that you use.
    """
    from isgan.__main__ import app

    return app().generate_completion(shell=shell)
