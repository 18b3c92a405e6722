import pytest

from origin.intake.admission import Admission
from origin.intake.errors import IntakeBusyError, UploadLockedError


def test_one_request_appends_to_an_upload_at_a_time():
    counts: list[int] = []
    admission = Admission(requests_max=3, label_requests_max=2, on_change=counts.append)
    with admission.appending("a", "1"):
        with pytest.raises(UploadLockedError), admission.appending("a", "1"):
            pass
        with admission.appending("a", "2"), pytest.raises(IntakeBusyError, match="of the label"):
            admission.appending("a", "3").__enter__()
    with admission.appending("a", "1"):
        pass
    assert counts == [1, 2, 1, 0, 1, 0]


def test_all_labels_share_the_process():
    admission = Admission(requests_max=1, label_requests_max=1, on_change=lambda _: None)
    with admission.appending("a", "1"), pytest.raises(IntakeBusyError, match="1 requests are"):
        admission.appending("b", "2").__enter__()
