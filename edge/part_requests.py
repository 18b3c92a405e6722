"""Asking the upstream for a part of what is stored: what comes is that, or an error."""

from edge.error_content import Unready, read_error_content, unready_of
from edge.errors import PackagingError, SessionBusyError, SliceGoneError, UpstreamBusyError
from edge.fields import SESSION_FIELD, Fields, passed_back_fields
from edge.fill_slots import FillSlot
from edge.filling import Run
from edge.metrics import EdgeCounts
from edge.ports import Upstream, UpstreamAnswer, UpstreamRequest
from edge.representation import Representation
from edge.slices import SliceStore
from edge.upstream_answers import check_fill, head_of
from http_semantics.byte_range import ByteSlice
from http_semantics.storing import Refusal


class PartRequests:
    """Asks for runs of bytes.

    Args:
        store: lets go of what may not be offered any more.
        upstream: is asked.
        is_token_checked: decides which fields are passed back.
        counts: of this worker.
    """

    def __init__(
        self, store: SliceStore, upstream: Upstream, *, is_token_checked: bool, counts: EdgeCounts
    ) -> None:
        self._store = store
        self._upstream = upstream
        self._is_token_checked = is_token_checked
        self._counts = counts

    async def ask(self, run: Run, slot: FillSlot, *, is_resumed: bool) -> UpstreamAnswer:
        """Ask for a run's bytes; return the answer, whose content begins with them.

        Args:
            run: which is told where the answer begins and ends.
            slot: that it has.
            is_resumed: some of the same version have come already.

        Raises:
            SliceGoneError: the representation was purged.
            UpstreamError: there is no such answer.
        """
        representation = run.representation
        wanted = ByteSlice(run.position, run.stop)
        fields = run.fields.copy()
        # Ranges of the representation as it is stored, and of no other coding of it.
        fields["Accept-Encoding"] = representation.fields.get("Content-Encoding", "identity")
        fields["Range"] = f"bytes={wanted.start}-{wanted.stop - 1}"
        if is_resumed:
            fields["If-Range"] = representation.validator
        request = UpstreamRequest("GET", representation.target, fields)
        self._check_not_purged(representation)
        answer = await slot.wait_for_answer(self._upstream.send(request))
        try:
            self._check_not_purged(representation)
            await self._check_ready(answer, run.fields)
            head = head_of(answer, fields, is_token_checked=self._is_token_checked)
            part = check_fill(representation, head, answer.headers.get("Content-Range"), wanted)
        except BaseException:
            answer.close()
            raise
        if head.refusal in {Refusal.NO_STORE, Refusal.PRIVATE}:
            self._store.retire(representation)  # The rest is for those who are reading it.
        if head.status == 200:
            representation.is_range_ignored = run.is_whole = True
            run.position = part.start
        run.is_answered, run.announced_stop = True, part.stop
        return answer

    def _check_not_purged(self, representation: Representation) -> None:
        """A purge says that the origin has something else, under the same tag perhaps.

        Raises:
            SliceGoneError: it was purged.
        """
        if self._store.is_purged(representation):
            raise SliceGoneError("it was purged while it was fetched")

    async def _check_ready(self, answer: UpstreamAnswer, sent: Fields) -> None:
        """Let an upstream say itself that it is not ready: packaging takes a while, for instance.

        Raises:
            UpstreamBusyError: it did.
        """
        content = None if answer.status != 503 else await read_error_content(answer)
        if content is not None:
            fields = passed_back_fields(answer.headers, is_token_checked=self._is_token_checked)
            fields.popall("Content-Length", None)
            unready = unready_of(answer, content)
            self._counts.note_unready(unready)
            match unready:
                case Unready.PACKAGING:
                    raise PackagingError(fields, content)
                case Unready.SESSION_BUSY:
                    raise SessionBusyError(fields, content, session=sent.get(SESSION_FIELD))
                case None:
                    raise UpstreamBusyError(fields, content)
