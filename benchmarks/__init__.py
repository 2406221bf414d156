"""Benchmarks of Accord: `make bench`, or `python -m benchmarks [10k|100k|1m]`.

One run makes its own PostgreSQL and Valkey, fills them with a company of that many leads (`company`), and prints one
table. Each measurement (`judging`, `intake`, `live`) runs in a process of its own (`child`), so that its peak memory is
its own. The rivals are the bare read of the columns, the best SQL we can write (`rival`) and a plain loop in Python
(`loop`); all must agree on every lead.
"""
