"""The judge: given rules, facts in columns and (lead, instant) pairs, it returns the verdicts. Rules 4.1 to 4.9.

Pure: numpy and the standard library, no Django, no clock. Read in this order: `rules` and `facts` are what goes in, `judge`
is the front door, `hearing` applies rules to a chunk of facts (`criteria`, `profile`: attributes; `timeline`, `points`,
`counts`: events), `verdict` compares. `explain` and `forecast` ask the same hearing.
"""
