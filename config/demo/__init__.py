"""`make demo`: the whole product on one machine, supervised. `python -m config.demo [stop]`."""
