"""The local page and its HTTP API (extra `web`): `isgan serve`.

    browser or curl -> guard -> api -> pool -> worker processes, which alone open pictures

Nothing is written to the disk, and nothing is kept once it was answered.
"""
