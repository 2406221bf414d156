"""The promises on the judgement: handoffs, account plays, routing, business-time clocks, dispositions, recycling, compliance.

Top floor. Imports every app below it; nothing imports it but `config` and templates.
"""
