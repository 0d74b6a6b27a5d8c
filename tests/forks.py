"""Processes for tests to kill: each begins within a moment, forked from one that has loaded what takes long."""

import multiprocessing

FORKS = multiprocessing.get_context("forkserver")
# What they import only when they need it.
_LATER = ("activities.deposits", "activities.setup_file")
FORKS.set_forkserver_preload(["tests.activities.senders", "tests.activities.payday_worker", *_LATER])
