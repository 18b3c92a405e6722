"""The conformance cases, run against a cache made of this package's functions."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from http_semantics.tests.conformance_cases import (
    Case,
    Kind,
    OriginAnswer,
    answer_fields,
    field_map,
    load_cases,
)
from http_semantics.tests.conformance_judge import Outcome, faults
from http_semantics.tests.model_cache import ModelCache, Request, Response

START_S = 1_700_000_000.0
CASES = load_cases()

# What a change of the standard or of the cases may add to, and nothing may take from.
CASES_MIN = 250


@dataclass
class Stage:
    """A cache and its origin, with one clock."""

    now_s: float = START_S
    answer: OriginAnswer = field(default_factory=OriginAnswer)
    asked: list[Request] = field(default_factory=list)

    def upstream(self, request: Request) -> Response | None:
        answer = self.answer.to(request.fields)
        self.asked.append(request)
        self.now_s += answer.delay_s
        if answer.is_silent:
            return None
        fields = answer_fields(answer, start_s=START_S, now_s=self.now_s)
        content = b"" if request.method == "HEAD" else answer.content.encode()
        if answer.sent is not None:
            fields["Content-Length"] = str(len(content))
            content = content[: answer.sent]
        return Response(
            answer.status,
            fields,
            content,
            is_complete=answer.sent is None,
            interim=answer.interim,
        )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.section} {case.id}")
def test_case(case: Case):
    stage = Stage()
    cache = ModelCache(stage.upstream, lambda: stage.now_s)
    for number, exchange in enumerate(case.exchanges, start=1):
        stage.now_s += exchange.after_s
        stage.answer = exchange.origin
        stage.asked.clear()
        fields = field_map(exchange.sends, start_s=START_S, now_s=stage.now_s)
        response = cache.handle(Request(exchange.method, exchange.target, fields))
        outcome = Outcome(
            response.status,
            response.fields,
            response.content,
            asked=tuple(request.fields for request in stage.asked),
            interim=response.interim,
        )
        found = [*faults(exchange, outcome, start_s=START_S, now_s=stage.now_s)]
        assert not found, f"{case.rule} Exchange {number}: {found}; {outcome}"


def test_there_are_many_cases_of_each_kind():
    kinds = Counter(case.kind for case in CASES)
    assert len(CASES) >= CASES_MIN
    assert set(kinds) == set(Kind)


HEAD = '[[case]]\nid = "a"\nsection = "9111-3"\nkind = "check"\nrule = "."\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(f'{HEAD}exchanges = [{{form = "origin"}}]', "form", id="misspelt key"),
        pytest.param(f'{HEAD}exchanges = [{{from = "orgin"}}]', "orgin", id="misspelt source"),
        pytest.param(f"{HEAD}exchanges = []\n" * 2, "twice", id="an id twice"),
    ],
)
def test_cases_with_a_fault_are_refused(text: str, fault: str, tmp_path: Path):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(ValueError, match=fault):
        load_cases(tmp_path)
