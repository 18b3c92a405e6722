import orjson

from edge.supervisor.metrics import RestartReason, SupervisorCounts, supervisor_metrics
from edge.supervisor.place import Place
from edge.supervisor.tests.making import config_of


def test_slots_without_a_worker_are_seen():
    counts = SupervisorCounts()
    counts.restarts[RestartReason.CRASHED] += 2
    places = [Place(number, {}, config_of()) for number in range(3)]
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in supervisor_metrics(counts, places)
        for sample in family.samples
    }
    assert values["edge_worker_slots",] == 3
    assert values["edge_workers", "serving"] == 0
    assert values["edge_worker_restarts_total", "crashed"] == 2
    assert values["edge_config_last_reload_successful",] == 1


def test_another_program_goes_on_from_them():
    counts, others = SupervisorCounts(reloaded_s=5.0, is_reloaded=False), SupervisorCounts()
    counts.restarts[RestartReason.RELOAD] += 3
    others.restore(orjson.loads(orjson.dumps(counts.save())))
    assert others == counts
