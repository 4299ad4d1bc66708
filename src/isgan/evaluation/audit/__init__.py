"""The audit: how surely a model's files are found, by whom, and after how many leaked pairs.

`photographs` says on which covers, `subjects` what hides in them, `bench` fits and tests detectors, `levels` says what each attacker
knows, `oracle` what the tool itself tells, `summary` and `report` what follows; `table` compares ways to embed at equal quality, and
`curve` makes the constants of `--risk` of that.
"""
