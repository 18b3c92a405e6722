"""The index: exactly its policy's order, never above its quota, and an order that can be kept."""

from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from edge.disk.disk_index import BLOCK_BYTES, DiskIndex, split_record
from edge.disk.entry_file import EntryId, Kind, Place

QUOTA = 20 * BLOCK_BYTES
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["touch", "put", "remove", "hold back"]),
        st.integers(0, 9),
        st.integers(0, 9 * BLOCK_BYTES),
    ),
    max_size=60,
)


def id_of(number: int) -> bytes:
    return bytes(16) + number.to_bytes(4, "big")


def place_of(number: int, file_bytes: int = 100) -> Place:
    return Place(id_of(number), file_bytes, Kind.SLICE)


def order_of(index: DiskIndex) -> list[bytes]:
    return [split_record(record)[0] for record in index.records_by_use()]


class PlainIndex:
    """The definition: places from the least to the most recently used."""

    def __init__(self) -> None:
        self.places: OrderedDict[bytes, Place] = OrderedDict()
        self.bytes_max = QUOTA

    @property
    def bytes(self) -> int:
        return sum(
            -(-place.file_bytes // BLOCK_BYTES) * BLOCK_BYTES for place in self.places.values()
        )

    def shrink(self) -> list[Place]:
        victims = []
        while self.bytes > self.bytes_max:
            victims.append(self.places.popitem(last=False)[1])
        return victims

    def put(self, place: Place) -> list[Place]:
        self.places.pop(place.entry_id, None)
        if -(-place.file_bytes // BLOCK_BYTES) * BLOCK_BYTES > self.bytes_max:
            return [place]
        self.places[place.entry_id] = place
        return self.shrink()


@given(OPERATIONS)
def test_it_equals_the_definition_step_by_step(operations: list[tuple[str, int, int]]):
    index, plain = DiskIndex(bytes_max=QUOTA), PlainIndex()
    for operation, number, size in operations:
        place = place_of(number, size)
        match operation:
            case "put":
                assert index.put(place) == plain.put(place)
            case "touch":
                index.touch(place.entry_id)
                if place.entry_id in plain.places:
                    plain.places.move_to_end(place.entry_id)
            case "remove":
                assert index.remove(place.entry_id) == plain.places.pop(place.entry_id, None)
            case _:
                plain.bytes_max = QUOTA - size
                assert index.hold_back(size) == plain.shrink()
        assert index.size_bytes == plain.bytes <= index.bytes_max == plain.bytes_max
        assert order_of(index) == list(plain.places)
        assert len(index) == len(plain.places)
        assert [index.find(one) for one in plain.places] == list(plain.places.values())


def test_sizes_are_counted_in_blocks():
    index = DiskIndex(bytes_max=QUOTA)
    index.put(place_of(1, 1))
    index.put(place_of(2, BLOCK_BYTES + 1))
    assert index.size_bytes == 3 * BLOCK_BYTES


def test_an_entry_above_the_quota_pushes_nobody_out():
    index = DiskIndex(bytes_max=QUOTA)
    index.put(place_of(1))
    assert index.put(place_of(2, QUOTA + 1)) == [place_of(2, QUOTA + 1)]
    assert id_of(1) in index
    assert id_of(2) not in index


def test_the_order_may_be_read_while_it_changes():
    index = DiskIndex(bytes_max=10_000 * BLOCK_BYTES)
    for number in range(1000):
        index.put(place_of(number))
    records = index.records_by_use()
    first = [split_record(next(records))[0] for _ in range(10)]
    for number in range(1000, 2000):
        index.put(place_of(number))
        index.remove(id_of(number - 1000))
    assert first == [id_of(number) for number in range(10)]
    assert len(list(records)) == 990


class Forgetful:
    """A policy that throws out whatever came first, used or not."""

    def __init__(self, bytes_max: int) -> None:
        self.sizes: dict[EntryId, int] = {}
        self.bytes_max = bytes_max

    @property
    def bytes(self) -> int:
        return sum(self.sizes.values())

    def get(self, entry: EntryId) -> None:
        assert entry in self.sizes

    def put(self, entry: EntryId, size_bytes: int) -> list[EntryId]:
        self.sizes.pop(entry, None)
        self.sizes[entry] = size_bytes
        victims = []
        while self.bytes > self.bytes_max:
            victims.append(next(iter(self.sizes)))
            del self.sizes[victims[-1]]
        return victims

    def remove(self, entry: EntryId) -> None:
        self.sizes.pop(entry, None)

    def shrink_to(self, bytes_max: int) -> list[EntryId]:
        victims = []
        while self.bytes > bytes_max:
            victims.append(next(iter(self.sizes)))
            del self.sizes[victims[-1]]
        return victims

    def __len__(self) -> int:
        return len(self.sizes)


def test_another_policy_is_held_to_less_room_as_well():
    index = DiskIndex(bytes_max=QUOTA, policy_of=Forgetful)
    index.hold_back(10 * BLOCK_BYTES)
    for number in range(50):
        index.put(place_of(number))
        assert index.size_bytes <= 10 * BLOCK_BYTES
    assert len(index) == 10
