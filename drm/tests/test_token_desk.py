import pytest

from drm.errors import TokenExpiredError, TokenForeignError, TokenRevokedError
from drm.key_vault import KeyVault
from drm.signing_key_store import SigningKeyStore
from drm.tests.conftest import NOW_S, ManualClock
from drm.token_desk import TokenDesk, open_token_desk
from drm.token_request import TokenLimits, TokenRequest

LIMITS = TokenLimits(ttl_s=3600, ttl_s_max=86_400, key_lead_s=300)


@pytest.fixture
def store(vault: KeyVault, clock: ManualClock) -> SigningKeyStore:
    return SigningKeyStore(vault, clock=clock)


@pytest.fixture
async def desk(store: SigningKeyStore, clock: ManualClock) -> TokenDesk:
    return await open_token_desk(store, limits=LIMITS, remembered_max=8, clock=clock)


async def test_a_token_that_was_issued_is_good_until_it_ends(desk: TokenDesk, clock: ManualClock):
    issued = await desk.issue(TokenRequest())
    assert issued.expires_s == NOW_S + 3600
    assert (await desk.verify(issued.token)).session == issued.session
    clock.now_s += 3600
    with pytest.raises(TokenExpiredError):
        await desk.verify(issued.token)


async def test_every_token_has_a_session_of_its_own(desk: TokenDesk):
    sessions = {(await desk.issue(TokenRequest())).session for _ in range(4)}
    assert len(sessions) == 4


async def test_a_rotation_by_another_process_is_noticed(
    desk: TokenDesk, store: SigningKeyStore, clock: ManualClock
):
    before = await desk.issue(TokenRequest())
    [old_kid] = (await desk.key_set()).keys
    newest = await store.rotate()
    assert (await desk.key_set()).keys.keys() == {old_kid, newest.key.kid}
    clock.now_s += LIMITS.key_lead_s
    after = await desk.issue(TokenRequest())
    await desk.verify(before.token)
    await store.retire(old_kid)
    await desk.verify(after.token)
    with pytest.raises(TokenForeignError):
        await desk.verify(before.token)


async def test_a_revocation_by_another_process_is_noticed(
    desk: TokenDesk, store: SigningKeyStore, clock: ManualClock
):
    issued = await desk.issue(TokenRequest())
    await desk.verify(issued.token)
    clock.now_s += 10
    await store.revoke_before(int(clock.now_s))
    with pytest.raises(TokenRevokedError):
        await desk.verify(issued.token)
    await desk.verify((await desk.issue(TokenRequest())).token)
    assert (await desk.key_set()).not_issued_before_s == int(clock.now_s)
