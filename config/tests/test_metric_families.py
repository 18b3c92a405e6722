from collections import Counter
from collections.abc import Callable

import pytest
from prometheus_client import Metric

from config.metric_families import counter_by, gauge_by


@pytest.mark.parametrize("made_by", [counter_by, gauge_by])
def test_each_label_has_its_value(made_by: Callable[..., Metric]):
    family = made_by("result", "answers", "Answers.", Counter("bcabb"))
    found = [(sample.labels, sample.value) for sample in family.samples]
    assert found == [({"result": "a"}, 1), ({"result": "b"}, 3), ({"result": "c"}, 1)]
    assert (family.name, family.documentation) == ("answers", "Answers.")


def test_of_nothing_there_is_only_the_name():
    family = gauge_by("result", "answers", "Answers.", {})
    assert (family.name, family.samples) == ("answers", [])
