"""The command line, one command per file: NAME.py with a function NAME is `isgan NAME`. They parse and print, the rest of
the package never prints. torch is imported inside the functions, so that --help is quick.
"""
