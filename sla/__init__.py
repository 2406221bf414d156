"""The promises on the judgement: handoffs, routing, business-time clocks, attempts, dispositions, recycling, compliance.

Top floor. Imports every app below it; nothing imports it but `config` and templates.
"""
