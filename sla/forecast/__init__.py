"""The forecast of the pipeline 60 to 90 days ahead, its backtest, its alarm, and the rows that keep them (rules 12.31 to 12.35)."""
