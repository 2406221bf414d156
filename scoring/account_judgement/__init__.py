"""Companies judged by definitions of the motion AQL: their facts, who qualifies, and the frozen evidence.

Imports the engine, the columns and the models; nothing here knows of plays, which sla makes of what qualified.
"""
