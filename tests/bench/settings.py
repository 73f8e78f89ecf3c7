"""The product's settings with the benchmark's own addresses beside the product's."""

from ntm.settings import *  # noqa: F403 - the same settings but for one line

ROOT_URLCONF = "tests.bench.urls"
