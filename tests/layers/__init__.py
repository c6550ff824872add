"""Layer tests; pytest explains the harness' asserts too."""

import pytest

pytest.register_assert_rewrite("tests.layers.harness")
