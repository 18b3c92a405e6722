import pytest
from prometheus_client import CollectorRegistry, generate_latest

from drm.clear_key import encode_license_request
from drm.errors import ClaimsError, LicenseRefusedError, TokenError, TokenScopeError, TrackIdError
from drm.key_vault import KeyVault
from drm.metrics import DrmMetrics
from drm.service import DrmAnswers
from drm.signing_key_store import SigningKeyStore
from drm.tests.conftest import ManualClock
from drm.token_desk import open_token_desk
from drm.token_request import TokenLimits, TokenRequest

TRACK = "0" * 21 + "A"
OTHER = "0" * 21 + "B"
LIMITS = TokenLimits(ttl_s=3600, ttl_s_max=86_400, key_lead_s=300)


@pytest.fixture
def metrics() -> DrmMetrics:
    return DrmMetrics()


@pytest.fixture
async def answers(vault: KeyVault, clock: ManualClock, metrics: DrmMetrics) -> DrmAnswers:
    store = SigningKeyStore(vault, clock=clock)
    desk = await open_token_desk(store, limits=LIMITS, remembered_max=8, clock=clock)
    return DrmAnswers(vault, desk, metrics=metrics, kids_max=32)


def counts(metrics: DrmMetrics) -> dict[str, float]:
    """Samples that are above zero, by name and labels."""
    registry = CollectorRegistry()
    registry.register(metrics)
    lines = generate_latest(registry).decode().splitlines()
    samples = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name: float(value) for name, _, value in samples if float(value)}


async def test_licenses_are_counted(answers: DrmAnswers, metrics: DrmMetrics):
    issued = await answers.issue_token(TokenRequest(tracks=(TRACK,), duration_s=240))
    claims = await answers.open_license_scope(issued.token)
    mine = await answers.keys_of_track(TRACK)
    others = await answers.keys_of_track(OTHER)
    await answers.license(claims, encode_license_request(key.kid for key in mine.by_class.values()))
    with pytest.raises(LicenseRefusedError):
        await answers.license(
            claims, encode_license_request(key.kid for key in others.by_class.values())
        )
    with pytest.raises(TokenError):
        await answers.open_license_scope("x")
    assert counts(metrics) == {
        'drm_licenses_granted_total{system="clearkey"}': 1,
        "drm_license_keys_granted_total": 5,
        'drm_licenses_refused_total{reason="license_refused"}': 1,
        'drm_licenses_refused_total{reason="token_malformed"}': 1,
        'drm_tokens_issued_total{kind="path"}': 1,
        "drm_track_keys_given_total": 2,
    }


async def test_tokens_and_refusals_are_counted(answers: DrmAnswers, metrics: DrmMetrics):
    issued = await answers.issue_token(TokenRequest(prefixes=("/v1/covers/",)))
    with pytest.raises(TokenScopeError):
        await answers.open_license_scope(issued.token)
    with pytest.raises(ClaimsError):
        await answers.issue_token(TokenRequest(prefixes=("x",)))
    with pytest.raises(TrackIdError):
        await answers.keys_of_track("x")
    assert counts(metrics) == {
        'drm_tokens_issued_total{kind="header"}': 1,
        'drm_licenses_refused_total{reason="token_scope"}': 1,
        'drm_tokens_refused_total{reason="token_claims"}': 1,
        'drm_track_keys_refused_total{reason="track_id"}': 1,
    }


async def test_the_keys_that_check_tokens_are_told(answers: DrmAnswers):
    assert len((await answers.key_set()).keys) == 1
