import json

from http_semantics.problem import Problem


def test_a_problem_document_has_the_members_of_rfc_9457():
    problem = Problem("token-expired", "The token has expired.", 401, detail="Fetch a new one.")
    assert json.loads(problem.body()) == {
        "type": "urn:attacca:problem:token-expired",
        "title": "The token has expired.",
        "status": 401,
        "detail": "Fetch a new one.",
    }


def test_extension_members_cannot_replace_the_standard_ones():
    problem = Problem("busy", "Busy.", 503, members={"status": 200, "progress": 0.5})
    document = json.loads(problem.body())
    assert (document["status"], document["progress"]) == (503, 0.5)


def test_text_outside_ascii_stays_readable():
    assert "Præludium" in Problem("x", "X", 404, detail="Præludium").body().decode()
