"""`isgan manual`: the manual page."""


def manual() -> str:
    """Print the manual page, in the form that `man` reads: isgan manual | man -l -

    It is made of what every command says of itself. The installed package brings it along: man isgan.
    """
    from isgan.__main__ import EVERYWHERE, app
    from isgan.manual import page

    return page(app(), EVERYWHERE)
