"""The demo: `make demo` runs the whole product on one machine, supervised (`python -m config.demo [stop]`)."""
