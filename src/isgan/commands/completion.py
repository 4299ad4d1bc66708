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
    from isgan.__main__ import FLAGS, app

    line = app()
    # To cyclopts only help is an option of all commands; what it says of these is put right.
    line.help_flags = (*line.help_flags, *FLAGS)
    script = line.generate_completion(shell=shell)
    for flag, what in FLAGS.items():
        for start in (f"{flag}[", f"-l {flag[2:]} -d '"):
            script = script.replace(f"{start}Display this message and exit.", f"{start}{what[0].upper()}{what[1:]}.")
    return script
