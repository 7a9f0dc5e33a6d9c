"""What servers say, as sentences; what they refuse, left away; what ETags prove. No server is asked."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, SSLError
from pydantic import SecretStr

from services.backup.destinations.port import Refused
from services.backup.destinations.s3 import etags
from services.backup.destinations.s3.asking import Asking, Patience
from services.backup.destinations.s3.client import opened_client, place_of
from services.backup.destinations.s3.features import CHECKSUMS, PRECONDITIONS, TAGS, Features
from services.backup.destinations.s3.refusals import Said, judged
from services.backup.settings.destinations import S3Destination
from shared.errors import Away, NightbusError, Transient

KEY, SECRET = "AKIAOFTHISTEST000000", "the-secret-of-this-test"
CLOUD = S3Destination(
    name="cloud", bucket="nights", endpoint="https://user:password@s3.example.net:9000", access_key_id=KEY,
    secret_access_key=SecretStr(SECRET),
)  # fmt: skip


def answer(code: str, status: int = 400, message: str = "") -> ClientError:
    """What the client raises for an answer."""
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Operation")


class Failing:
    """A client whose every answer is an error."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.asked = 0

    async def head_bucket(self, **_words: Any) -> None:
        """Fail."""
        self.asked += 1
        raise answer(self.code)


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("InvalidAccessKeyId", 403, "access_key_id"), ("SignatureDoesNotMatch", 403, "secret key"),
        ("ExpiredToken", 400, "renew"), ("RequestTimeTooSkewed", 403, "clock of this machine"),
        ("AccessDenied", 403, "s3:PutObject"), ("403", 403, "s3:PutObject"), ("NoSuchBucket", 404, "no such bucket"),
        ("QuotaExceeded", 403, "quota"), ("XMinioStorageFull", 507, "make room"), ("507", 507, "make room"),
        ("PermanentRedirect", 301, "set region"), ("InvalidObjectState", 403, "thawed first"),
        ("GlacierExpeditedRetrievalNotAvailable", 503, "take standard"),
        ("InvalidStorageClass", 400, "set storage_class"),
    ],
)  # fmt: skip
def test_what_a_person_has_to_mend_is_said(code: str, status: int, words: str) -> None:
    """It is refused at once, in one sentence that names destination, bucket, server and remedy, and no secret."""
    found = judged(answer(code, status, f"bad {KEY}"), CLOUD, "put_object")
    assert isinstance(found.error, Refused)
    assert not found.again
    text = str(found.error)
    assert words in text
    assert "the destination cloud (nights at s3.example.net:9000)" in text
    assert not {KEY, SECRET, "password"} & set(text.replace("(", " ").split())


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("InternalError", 500), ("SlowDown", 503), ("503", 503), ("TooManyRequests", 429), ("RequestTimeout", 400),
        ("OperationAborted", 409), ("ConditionalRequestConflict", 409), ("BadDigest", 400), ("Whatever", 502),
        ("XAmzContentSHA256Mismatch", 400),
    ],
)  # fmt: skip
def test_what_passes_is_tried_again(code: str, status: int) -> None:
    """Servers that are busy or failing, and requests that were spoilt on their way."""
    found = judged(answer(code, status), CLOUD, "put_object")
    assert type(found.error) is Transient
    assert found.again


def test_networks_are_told_from_servers() -> None:
    """Nobody there is away, a silence passes, a certificate and a missing key have to be mended."""
    assert isinstance(judged(TimeoutError(), CLOUD, "x").error, Transient)
    broke = judged(EndpointConnectionError(endpoint_url="x", error=OSError()), CLOUD, "x")
    assert type(broke.error) is Transient
    assert isinstance(judged(SSLError(endpoint_url="x", error="y"), CLOUD, "x").error, Refused)
    assert "ca_file" in str(judged(SSLError(endpoint_url="x", error="y"), CLOUD, "x").error)
    assert isinstance(judged(NoCredentialsError(), CLOUD, "x").error, Refused)
    with pytest.raises(ZeroDivisionError):
        judged(ZeroDivisionError(), CLOUD, "x")


def test_a_bucket_that_was_deleted_is_told_without_a_body() -> None:
    """HEAD has no body: that the bucket has gone is known from its status."""
    assert "no such bucket" in str(judged(answer("404", 404), CLOUD, "head_bucket").error)


async def test_a_server_that_is_not_there_is_away() -> None:
    """A port that nobody listens at ends in a sentence, after the tries that were granted."""
    nowhere = CLOUD.model_copy(update={"endpoint": "http://127.0.0.1:1"})
    async with opened_client(nowhere) as client:
        asking = Asking(client, nowhere, Patience(tries=2, first_pause_s=0.01, longest_pause_s=0.01))
        with pytest.raises(Away, match="cannot be reached"):
            await asking.ask("head_bucket", {})


async def test_tries_end_and_waits_are_bounded() -> None:
    """A server that fails for ever is asked as often as was granted; one that says no is asked once."""
    for code, tries in (("InternalError", 3), ("InvalidAccessKeyId", 1)):
        client = Failing(code)
        asking = Asking(client, CLOUD, Patience(tries=3, first_pause_s=0.001, longest_pause_s=0.002))
        with pytest.raises(NightbusError):
            await asking.ask("head_bucket", {})
        assert client.asked == tries


async def test_a_secret_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """The file is named, and what is wrong with it."""
    lacks = S3Destination(
        name="cloud", bucket="nights", access_key_id=KEY, secret_access_key_file=tmp_path / "not-there"
    )
    with pytest.raises(Refused, match=r"not-there: No such file"):
        async with opened_client(lacks):
            pass
    with pytest.raises(Refused, match="certificates"):
        async with opened_client(CLOUD.model_copy(update={"ca_file": tmp_path / "none.pem"})):
            pass


def test_an_address_shows_no_password() -> None:
    """What an address may hold of a secret is in no sentence."""
    assert place_of(CLOUD) == "nights at s3.example.net:9000"
    assert place_of(CLOUD.model_copy(update={"endpoint": None})) == "nights at AWS"


def test_etags_prove_what_they_can() -> None:
    """An MD5 proves or disproves; what is encrypted, of another shape or missing says nothing."""
    md5 = bytes(range(16))
    one, many = etags.of_bytes(md5), etags.of_parts([md5, md5])
    assert etags.proves({"ETag": f'"{one}"'}, one) is True
    assert etags.proves({"ETag": one.upper()}, one) is True
    assert etags.proves({"ETag": '"' + "0" * 32 + '"'}, one) is False
    assert etags.proves({"ETag": '"' + "0" * 32 + '-2"'}, many) is False
    assert many.endswith("-2")
    for silent in (
        {"ETag": "0" * 32, "ServerSideEncryption": "aws:kms"},
        {"ETag": "0" * 32, "SSECustomerAlgorithm": "AES256"},
        {"ETag": ""},
        {},
        {"ETag": "opaque"},
        {"ETag": "0" * 32 + "-2"},
    ):
        assert etags.proves(silent, one) is None
    assert etags.proves({"ETag": "0" * 32, "ServerSideEncryption": "AES256"}, one) is False


def test_what_a_server_refuses_is_left_away() -> None:
    """The words of a refusal say what it means; a key that may not tag is tried without; other refusals are none."""
    features = Features(tags=True)
    asked = {CHECKSUMS, TAGS, PRECONDITIONS}

    def blamed(code: str, message: str = "") -> str | None:
        return features.blamed(Said(answer(code, message=message)), asked)

    assert blamed("InvalidArgument", "Unsupported header 'x-amz-checksum-sha256' received") == CHECKSUMS
    assert blamed("NotImplemented", "Header 'x-amz-tagging' not implemented") == TAGS
    assert blamed("NotImplemented", "If-None-Match is not implemented") == PRECONDITIONS
    assert blamed("NotImplemented") == CHECKSUMS
    assert blamed("AccessDenied") == TAGS
    assert blamed("InvalidArgument", "the key is too long") is None
    features.refuse(TAGS, "cloud")
    assert features.facts == {TAGS: False}
    assert features.wanted(asked) == {CHECKSUMS, PRECONDITIONS}
    assert Features(tags=False).wanted(asked) == {CHECKSUMS, PRECONDITIONS}
